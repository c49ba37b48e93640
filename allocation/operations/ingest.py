"""Usage in: priced, attributed and counted exactly once, in one transaction per batch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils.module_loading import import_string

from allocation.documents.events import Fault, UsageEvent
from allocation.engine.costing import DAY_S, HOUR_S, CostedRecord, Desk
from allocation.engine.rates import nanos_text
from allocation.engine.rollup import Key, Sums, by_minute, coarser, postings
from allocation.engine.rows import COLUMNS, copy_text
from allocation.models import DAY_TABLE, HOUR_TABLE, MINUTE_TABLE, RECORD_TABLE
from allocation.operations.desks import desk_for
from allocation.operations.partitions import ensure_partitions, month_of
from allocation.operations.quarantine import RefusedRecord, quarantine, refused_event
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
) -> IngestResult:
    """Count what is new, quarantine what cannot be taken. `indexes` are the events' places in what the sender sent,
    when some of it, `refused`, did not even become an event.
    """
    if len(events) + len(refused) > BATCH_MAX:
        raise BatchTooLarge(f"A batch holds at most {BATCH_MAX:,} records; split it.")
    desk = desk_for(key_scope_id=key_scope_id, at=at)
    costed, unfit = _costed(desk, events, indexes or range(len(events)))
    every_refused = [*refused, *unfit]
    unique = {(record.id, record.at_s): record for record in costed}
    # In the order of identity: two batches with the same records wait for each other, never crosswise.
    batch = [unique[key] for key in sorted(unique)]
    ensure_partitions({month_of(record.event.occurred_at) for record in batch})

    @transaction.atomic
    def write() -> int:
        accepted = _write(batch, at)
        quarantine(refused=every_refused, authority_id=key_scope_id, source_format=source_format, at=at)
        return accepted

    accepted = with_retries(write) if batch or every_refused else 0
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


def _write(batch: Sequence[CostedRecord], at: datetime) -> int:
    """How many were new. What batches share is locked last and in this order: minutes, hours, days, ledger,
    watermark, dirty scopes.
    """
    new = _insert(batch, at)
    if not new:
        _touch_watermarks(batch, at)
        return 0
    minutes = by_minute(new)
    hours = coarser(minutes, HOUR_S)
    days = coarser(hours, DAY_S)
    _roll_up(MINUTE_TABLE, minutes, at)
    _roll_up(HOUR_TABLE, hours, at)
    _roll_up(DAY_TABLE, days, at)
    post = _posting()
    if post is not None:
        post(postings=postings(days), at=at)
    _touch_watermarks(batch, at)
    ancestors = scope_tree(max_age_s=1).ancestors
    touched = {record.scope_id for record in new}
    mark_scopes_dirty(scope_ids={above for scope_id in touched for above in ancestors(scope_id)}, at=at)
    return len(new)


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


def _roll_up(table: str, totals: dict[Key, Sums], at: datetime) -> None:
    ordered = sorted(totals.items(), key=lambda item: item[0])
    keys = [key for key, _ in ordered]
    sums = [total for _, total in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} AS known (
                bucket, scope_id, provider, model, requests, errors, unpriced_requests, input_tokens,
                cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost,
                last_occurred_at, last_received_at
            )
            SELECT to_timestamp(bucket), scope_id, provider, model, requests, errors, unpriced, input, cached, written,
                output, reasoning, gpu, cost, to_timestamp(last), %(at)s
            FROM unnest(
                %(bucket)s::bigint[], %(scope)s::bigint[], %(provider)s::text[], %(model)s::text[],
                %(requests)s::bigint[], %(errors)s::bigint[], %(unpriced)s::bigint[], %(input)s::bigint[],
                %(cached)s::bigint[], %(written)s::bigint[], %(output)s::bigint[], %(reasoning)s::bigint[],
                %(gpu)s::numeric[], %(cost)s::numeric[], %(last)s::float8[]
            ) AS new (bucket, scope_id, provider, model, requests, errors, unpriced, input, cached, written, output,
                reasoning, gpu, cost, last)
            ON CONFLICT (bucket, scope_id, provider, model) DO UPDATE SET
                requests = known.requests + EXCLUDED.requests,
                errors = known.errors + EXCLUDED.errors,
                unpriced_requests = known.unpriced_requests + EXCLUDED.unpriced_requests,
                input_tokens = known.input_tokens + EXCLUDED.input_tokens,
                cached_input_tokens = known.cached_input_tokens + EXCLUDED.cached_input_tokens,
                cache_write_tokens = known.cache_write_tokens + EXCLUDED.cache_write_tokens,
                output_tokens = known.output_tokens + EXCLUDED.output_tokens,
                reasoning_tokens = known.reasoning_tokens + EXCLUDED.reasoning_tokens,
                gpu_seconds = known.gpu_seconds + EXCLUDED.gpu_seconds,
                cost = known.cost + EXCLUDED.cost,
                last_occurred_at = GREATEST(known.last_occurred_at, EXCLUDED.last_occurred_at),
                last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)
            """,  # noqa: S608  # our own table name
            {
                "at": at,
                "bucket": [key[0] for key in keys],
                "scope": [key[1] for key in keys],
                "provider": [key[2] for key in keys],
                "model": [key[3] for key in keys],
                "requests": [total.requests for total in sums],
                "errors": [total.errors for total in sums],
                "unpriced": [total.unpriced_requests for total in sums],
                "input": [total.input_tokens for total in sums],
                "cached": [total.cached_input_tokens for total in sums],
                "written": [total.cache_write_tokens for total in sums],
                "output": [total.output_tokens for total in sums],
                "reasoning": [total.reasoning_tokens for total in sums],
                "gpu": [total.gpu_seconds for total in sums],
                "cost": [nanos_text(total.cost_nanos) for total in sums],
                "last": [total.last_s for total in sums],
            },
        )


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
