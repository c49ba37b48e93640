"""Usage in: priced, attributed and counted exactly once, in one transaction per batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils.module_loading import import_string

from allocation.documents.conditions import WEIR_KEY
from allocation.documents.events import ATTRIBUTES_MAX, Fault, UsageEvent
from allocation.engine.charges import charges_of
from allocation.engine.costing import PROVIDER, CostedRecord, Desk
from allocation.engine.rollup import Key, Sums, by_minute, by_minute_and_price, postings
from allocation.engine.rows import COLUMNS, copy_text
from allocation.engine.tasks import task_sums
from allocation.models import RECORD_TABLE
from allocation.operations.desks import desk_for
from allocation.operations.partitions import ensure_partitions, month_of
from allocation.operations.periods import closed_meanwhile
from allocation.operations.quarantine import RefusedRecord, quarantine, refused_event
from allocation.operations.rollups import add_charges, roll_up
from allocation.operations.tasks import add_to_tasks
from governance.errors import Invalid
from governance.operations import mark_scopes_dirty
from governance.queries import scope_tree

BATCH_MAX = 10_000
TRIES = 4
RETRIED = frozenset({"40P01", "40001"})  # deadlock, serialisation failure
NATIVE = "native"
ResultT = TypeVar("ResultT")


class BatchTooLarge(Invalid):
    code = "batch_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Rejection:
    index: int
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class IngestResult:
    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]


def record_usage(
    *,
    events: Sequence[UsageEvent],
    key_scope_id: int | None,
    at: datetime,
    indexes: Sequence[int] | None = None,
    refused: Sequence[RefusedRecord] = (),
    source_format: str = NATIVE,
    billed_by: str = PROVIDER,
    weir_key: str = "",
) -> IngestResult:
    """Count what is new, quarantine what cannot be taken. `indexes` are the events' places in what the sender sent,
    when some of it, `refused`, did not even become an event. `weir_key` is the prefix of the key that sent them.
    """
    if len(events) + len(refused) > BATCH_MAX:
        raise BatchTooLarge(f"A batch holds at most {BATCH_MAX:,} records; split it.")
    while True:
        desk = replace(desk_for(key_scope_id=key_scope_id, at=at), billed_by=billed_by)
        costed, unfit = _costed(desk, _delivered(desk, events, weir_key), indexes or range(len(events)))
        every_refused = [*refused, *unfit]
        unique = {(record.id, record.at_s): record for record in costed}
        # In the order of identity: two batches with the same records wait for each other, never crosswise.
        batch = [unique[key] for key in sorted(unique)]
        ensure_partitions({month_of(record.event.occurred_at) for record in batch})
        write = partial(_write_all, batch, every_refused, desk, key_scope_id, source_format, at)
        accepted = with_retries(write) if batch or every_refused else 0
        if accepted is not None:
            break
    return IngestResult(
        accepted=accepted,
        duplicate=len(costed) - accepted,
        rejected=tuple(
            sorted(
                (
                    Rejection(item.index, item.fault.code, item.fault.message, item.fault.field)
                    for item in every_refused
                ),
                key=lambda rejection: rejection.index,
            )
        ),
    )


def _delivered(desk: Desk, events: Sequence[UsageEvent], weir_key: str) -> Sequence[UsageEvent]:
    """With the Weir key beside the attributes, where a key or rule of the organisation reads it: a copy of every event
    costs too much for those who do not ask.
    """
    if not weir_key or desk.home is None or not desk.home.matcher.reads_weir_key:
        return events
    return [
        event.model_copy(update={"attributes": {**(event.attributes or {}), WEIR_KEY: weir_key}})
        if event.scope is None and len(event.attributes or ()) < ATTRIBUTES_MAX
        else event
        for event in events
    ]


def _costed(
    desk: Desk, events: Iterable[UsageEvent], indexes: Iterable[int]
) -> tuple[list[CostedRecord], list[RefusedRecord]]:
    costed: list[CostedRecord] = []
    refused: list[RefusedRecord] = []
    for index, event in zip(indexes, events, strict=True):
        outcome = desk.cost(event)
        if isinstance(outcome, Fault):
            refused.append(refused_event(index, outcome, event))
        else:
            costed.append(outcome)
    return costed, refused


def with_retries(write: Callable[[], ResultT]) -> ResultT:
    """A deadlock is PostgreSQL's choice of a loser: the loser's whole transaction is done again. Inside somebody
    else's transaction there is nothing to do again.
    """
    for left in reversed(range(TRIES)):
        try:
            return write()
        except OperationalError as problem:
            state = getattr(problem.__cause__, "sqlstate", None)
            if not left or connection.in_atomic_block or state not in RETRIED:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


@transaction.atomic
def _write_all(
    batch: Sequence[CostedRecord],
    every_refused: Sequence[RefusedRecord],
    desk: Desk,
    authority_id: int | None,
    source_format: str,
    at: datetime,
) -> int | None:
    """How many were new; None, with nothing written, when a billing period was closed since the batch was costed."""
    if closed_meanwhile(desk.organisations, {record.root_id for record in batch}):
        return None
    accepted = _write(batch, at)
    quarantine(refused=every_refused, authority_id=authority_id, source_format=source_format, at=at)
    return accepted


def _write(batch: Sequence[CostedRecord], at: datetime) -> int:
    """How many were new. What batches share is locked last and in this order: tasks, minutes, hours, days, charges,
    ledger, watermark, dirty scopes.
    """
    new = _insert(batch, at)
    if not new:
        _touch_watermarks(batch, at)
        return 0
    fine = by_minute_and_price(new)
    add_to_tasks(*task_sums(new))
    days = roll_up(by_minute(fine), at)
    add_charges(charges_of(fine))
    post_to_ledger(days, at)
    _touch_watermarks(batch, at)
    mark_lineages_dirty({record.scope_id for record in new}, at)
    return len(new)


def mark_lineages_dirty(scope_ids: Iterable[int], at: datetime) -> None:
    ancestors = scope_tree(max_age_s=1).ancestors
    mark_scopes_dirty(scope_ids={above for scope_id in scope_ids for above in ancestors(scope_id)}, at=at)


def _insert(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    """Those that were not there yet."""
    if not batch:
        return []
    columns = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS usage_staging ON COMMIT DELETE ROWS"  # noqa: S608  # our own names
            f" AS SELECT 0 AS position, {columns} FROM {RECORD_TABLE} WITH NO DATA"
        )
        # Empty but for an earlier batch of the same transaction.
        cursor.execute("DELETE FROM usage_staging")
        with cast("Any", cursor.cursor).copy(f"COPY usage_staging (position, {columns}) FROM STDIN") as copy:
            copy.write(copy_text(batch, at))
        cursor.execute(
            # Our own names only.
            f"""
            WITH new AS (
                INSERT INTO {RECORD_TABLE} ({columns}) SELECT {columns} FROM usage_staging ORDER BY position
                ON CONFLICT (id, occurred_at) DO NOTHING RETURNING id, occurred_at
            )
            SELECT position FROM usage_staging LEFT JOIN new USING (id, occurred_at) WHERE new.id IS NULL
            """  # noqa: S608  # our own names
        )
        known = {row[0] for row in cursor.fetchall()}
    return [record for position, record in enumerate(batch) if position not in known] if known else list(batch)


def post_to_ledger(days: dict[Key, Sums], at: datetime) -> None:
    post = _posting()
    if post is not None:
        post(postings=postings(days), at=at)


def _posting() -> Callable[..., object] | None:
    path = getattr(settings, "USAGE_POSTING", "")
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Callable[..., object]:
    found: Callable[..., object] = import_string(path)
    return found


def _touch_watermarks(batch: Iterable[CostedRecord], at: datetime) -> None:
    """Repeats count too: the feed is alive."""
    roots = sorted({record.root_id for record in batch})
    if not roots:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_ingestwatermark AS known (scope_id, last_received_at)
            SELECT root, %s FROM unnest(%s::bigint[]) AS root ORDER BY root
            ON CONFLICT (scope_id) DO UPDATE
                SET last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)
            """,
            [at.astimezone(UTC), roots],
        )
