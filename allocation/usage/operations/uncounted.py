"""Remembering what came and did not count, so that it is seen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

# Rows for each sender's subtree; what comes beyond is summed up without an emitter's name.
ROWS_MAX = 200


@transaction.atomic
def note_uncounted(*, authority_id: int | None, signal: str, uncounted: Mapping[Any, int], at: datetime) -> None:
    """A request came of which nothing counted. `uncounted` holds how much of it there was, by pairs of emitter and
    reason. Rows are locked in that order.
    """
    known = _known(authority_id)
    sums: dict[tuple[str, str], int] = {}
    for (emitter, reason), count in uncounted.items():
        name = _storable(emitter)
        if (signal, name, reason) not in known:
            if len(known) >= ROWS_MAX:
                name = ""
            known.add((signal, name, reason))
        sums[name, reason] = sums.get((name, reason), 0) + count
    rows = sorted(sums)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_uncountedtelemetry AS known (
                authority_id, signal, emitter, reason, items_count, requests_count, first_received_at, last_received_at
            )
            SELECT %(authority)s, %(signal)s, row.emitter, row.reason, row.count, 1, %(at)s, %(at)s
            FROM unnest(%(emitters)s::text[], %(reasons)s::text[], %(counts)s::bigint[]) AS row (emitter, reason, count)
            ORDER BY row.emitter, row.reason
            ON CONFLICT (authority_id, signal, emitter, reason) DO UPDATE SET
                items_count = known.items_count + EXCLUDED.items_count,
                requests_count = known.requests_count + 1,
                last_received_at = EXCLUDED.last_received_at
            """,
            {
                "authority": authority_id,
                "signal": signal,
                "at": at.astimezone(UTC),
                "emitters": [emitter for emitter, _ in rows],
                "reasons": [reason for _, reason in rows],
                "counts": [sums[row] for row in rows],
            },
        )


def _known(authority_id: int | None) -> set[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT signal, emitter, reason FROM allocation_uncountedtelemetry"
            " WHERE authority_id IS NOT DISTINCT FROM %s",
            [authority_id],
        )
        return set(cursor.fetchall())


def _storable(name: str) -> str:
    """As PostgreSQL can hold it."""
    return "".join(sign if sign.isprintable() else "?" for sign in name).encode("utf-8", "replace").decode()[:100]
