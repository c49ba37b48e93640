"""Scopes to evaluate: marked, claimed by a worker, settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

DIRTY_CHANNEL = "weir_dirty"
"""Notified by every transaction that leaves scopes to evaluate, when it commits."""
CLAIM_LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class WhichDirty:
    """Of the scopes to evaluate those that cannot wait, or those that have been dirty since `marked_by` or longer."""

    at_once: bool = False
    marked_by: datetime | None = None


ANY_DIRTY = WhichDirty()


@dataclass(frozen=True, slots=True)
class DirtyClaim:
    """A scope claimed for evaluation until `claimed_until`, at the generation that was claimed."""

    scope_id: int
    generation: int
    dirty_since: datetime
    claimed_until: datetime


def mark_scopes_dirty(*, scope_ids: Iterable[int], at: datetime, can_wait: bool = False) -> None:
    """Marks scopes whose facts changed. Rows are written in id order, so that two writers never deadlock; a mark made
    during an evaluation counts from `at`, since what came before is being evaluated. What `can_wait` is evaluated
    within about a second, with what is marked meanwhile, unless another mark cannot wait. DIRTY_CHANNEL is notified.
    """
    ids = sorted(set(scope_ids))
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH marked AS (
                INSERT INTO governance_dirtyscope AS dirty (scope_id, dirty_since, can_wait, generation)
                SELECT id, %s, %s, 1 FROM unnest(%s::bigint[]) AS id ORDER BY id
                ON CONFLICT (scope_id) DO UPDATE SET
                    generation = dirty.generation + 1,
                    dirty_since = CASE WHEN dirty.claimed_generation = dirty.generation
                        THEN EXCLUDED.dirty_since ELSE LEAST(dirty.dirty_since, EXCLUDED.dirty_since) END,
                    can_wait = EXCLUDED.can_wait
                        AND (dirty.can_wait OR dirty.claimed_generation IS NOT DISTINCT FROM dirty.generation)
            )
            SELECT pg_notify(%s, '')
            """,
            [at, can_wait, ids, DIRTY_CHANNEL],
        )


def claim_dirty_scopes(
    *, limit: int, at: datetime, lease: timedelta = CLAIM_LEASE, which: WhichDirty = ANY_DIRTY
) -> tuple[DirtyClaim, ...]:
    """Claims those that have been dirty longest. Commit before evaluating; a claim that is not settled comes due after
    `lease`.
    """
    with connection.cursor() as cursor:
        among = "AND NOT can_wait" if which.at_once else "AND dirty_since <= %(marked_by)s" if which.marked_by else ""
        # Materialised: as a subquery it may be run for every row, and each run would claim `limit` more.
        cursor.execute(
            f"""
            WITH due AS MATERIALIZED (
                SELECT scope_id FROM governance_dirtyscope
                WHERE (claimed_until IS NULL OR claimed_until <= %(at)s) {among}
                ORDER BY dirty_since, scope_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            UPDATE governance_dirtyscope AS dirty SET claimed_until = %(until)s, claimed_generation = generation
            FROM due WHERE dirty.scope_id = due.scope_id
            RETURNING dirty.scope_id, generation, dirty_since, claimed_until
            """,  # noqa: S608  # our own words
            {"until": at + lease, "at": at, "limit": limit, "marked_by": which.marked_by},
        )
        return tuple(sorted((DirtyClaim(*row) for row in cursor.fetchall()), key=lambda claim: claim.scope_id))


def settle_dirty_scopes(*, claims: Iterable[DirtyClaim], at: datetime) -> int:
    """Deletes the marks that were evaluated and returns how many. A scope marked again meanwhile stays dirty and is due
    at once; one whose lease ended and that another worker claimed is left to that worker.
    """
    del at
    claimed = sorted((claim.scope_id, claim.generation, claim.claimed_until) for claim in claims)
    if not claimed:
        return 0
    columns = [list(column) for column in zip(*claimed, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS (
                SELECT dirty.scope_id, dirty.generation = claim.generation AS is_clean
                FROM governance_dirtyscope AS dirty
                JOIN unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS claim
                  (scope_id, generation, claimed_until)
                  USING (scope_id, claimed_until)
                ORDER BY dirty.scope_id FOR UPDATE OF dirty
            ), again AS (
                UPDATE governance_dirtyscope AS dirty SET claimed_until = NULL, claimed_generation = NULL
                FROM held WHERE dirty.scope_id = held.scope_id AND NOT held.is_clean
                RETURNING dirty.scope_id
            ), cleaned AS (
                DELETE FROM governance_dirtyscope AS dirty USING held
                WHERE dirty.scope_id = held.scope_id AND held.is_clean
                RETURNING dirty.scope_id
            )
            SELECT (SELECT count(*) FROM cleaned),
                CASE WHEN EXISTS (SELECT FROM again) THEN pg_notify(%s, '') END
            """,
            [*columns, DIRTY_CHANNEL],
        )
        cleaned, _notified = cursor.fetchone()
    return int(cleaned)
