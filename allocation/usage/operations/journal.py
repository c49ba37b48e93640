"""What is recorded and charged, and not yet in tasks, roll-ups and charge lines: left to a fold, folded, set aside."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Max

from allocation.usage.engine.charges import charges_of
from allocation.usage.engine.counted import Counted, from_bytes, halves, to_bytes
from allocation.usage.engine.roll_ups import by_minute, by_minute_and_price
from allocation.usage.engine.tasks import task_sums
from allocation.usage.models import JOURNAL_TABLE, UsageJournal
from allocation.usage.operations.retries import with_retries
from allocation.usage.operations.roll_ups import add_up
from allocation.usage.operations.tasks import add_to_tasks
from allocation.usage.operations.watermarks import mark_lineages_dirty, touch_watermarks
from governance.work.models import Heartbeat

logger = logging.getLogger(__name__)

FOLD_CHANNEL = "weir_usage"
FOLD_HEARTBEAT = "fold"
"""What the program `fold` shows every two seconds; without it a worker folds after `GONE_AFTER`."""
GONE_AFTER = timedelta(seconds=10)
# More records in one transaction save little more, and keep others waiting for their rows.
CALLS_MAX = 20_000
CLAIMED_MAX = 500
# What is wrong with a record, not with the database: folding it again would fail again.
FAULTS = (DataError, IntegrityError, ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Folded:
    """How many batches and records were added to the sums, and how many records were set aside."""

    batches: int = 0
    calls: int = 0
    failed: int = 0


def append(batch: Counted) -> None:
    """Leaves the batch to the next fold. Call it inside the transaction that recorded and charged its records."""
    received_at = datetime.fromtimestamp(batch.received_s, UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH written AS (INSERT INTO {JOURNAL_TABLE} (received_at, calls, counted, error) VALUES (%s, %s, %s, ''))
            SELECT pg_notify('{FOLD_CHANNEL}', '')
            """,  # noqa: S608  # our own names
            [received_at, len(batch.calls), to_bytes(batch)],
        )


@transaction.atomic
def fold(batches: Sequence[Counted], *, at: datetime) -> None:
    """Adds the batches to tasks, roll-ups and charge lines, moves the watermarks of the organisations that were heard
    from, and marks the scopes dirty with all above them. In the order of docs/locks.md, whatever batches are folded.
    """
    if any(batch.calls for batch in batches):
        priced = by_minute_and_price(batches)
        add_up(
            write_tasks=partial(add_to_tasks, *task_sums(batches)),
            minutes=by_minute(priced),
            charges=charges_of(priced),
            at=at,
        )
    heard: dict[int, float] = {}
    for batch in batches:
        for root_id in batch.root_ids:
            heard[root_id] = max(heard.get(root_id, 0.0), batch.received_s)
    touch_watermarks(heard)
    # Whether a budget is a step fuller was said when its usage was charged.
    mark_lineages_dirty({call.scope_id for batch in batches for call in batch.calls}, at, can_wait=True)


def fold_waiting(*, at: datetime, calls_max: int = CALLS_MAX) -> Folded:
    """Folds the oldest batches that no other fold holds, about `calls_max` records, in one transaction. Any number may
    run at once. A record that cannot be folded is set aside, and told of; the others go on.
    """
    return with_retries(partial(_fold_lazily, at, calls_max))


@transaction.atomic
def _fold_lazily(at: datetime, calls_max: int) -> Folded:
    with connection.cursor() as cursor:
        # Should its commit be lost, what it folded waits again.
        cursor.execute("SET LOCAL synchronous_commit = off")
    return _fold_claimed(at, calls_max)


@transaction.atomic
def settle(*, at: datetime) -> None:
    """Folds all that waits, after any fold that runs: what was recorded before is in the sums when it returns. For
    whoever reads them to write: inside its transaction, after the ledger's locks.
    """
    through = UsageJournal.objects.waiting().aggregate(last=Max("pk"))["last"]
    while through is not None and UsageJournal.objects.waiting().filter(pk__lte=through).exists():
        _fold_claimed(at, CALLS_MAX, through=through)


def is_followed(*, at: datetime) -> bool:
    """Whether a program folds what waits: two folds at once mostly wait for each other's rows."""
    return Heartbeat.objects.filter(name=FOLD_HEARTBEAT, beat_at__gt=at - GONE_AFTER).exists()


def try_again() -> int:
    """Lets what was set aside wait for a fold again; returns how many batches. For when the cause is mended."""
    return UsageJournal.objects.set_aside().update(failed_at=None, error="")


@transaction.atomic
def _fold_claimed(at: datetime, calls_max: int, through: int | None = None) -> Folded:
    """The oldest batch is folded whatever its size. Up to `through` it waits for what other folds hold."""
    waiting = UsageJournal.objects.waiting().order_by("pk")
    if through is None:
        waiting = waiting.select_for_update(skip_locked=True)
    else:
        waiting = waiting.filter(pk__lte=through).select_for_update()
    claimed: list[int] = []
    calls = 0
    for row_id, row_calls in waiting.values_list("pk", "calls")[:CLAIMED_MAX]:
        if claimed and calls + row_calls > calls_max:
            break
        claimed.append(row_id)
        calls += row_calls
    if not claimed:
        return Folded()
    rows = UsageJournal.objects.filter(pk__in=claimed).order_by("pk").values_list("pk", "counted")
    batches: list[Counted] = []
    unreadable: dict[int, str] = {}
    for row_id, text in rows:
        try:
            batches.append(from_bytes(bytes(text)))
        except ValueError as problem:
            logger.exception("usage journal %s cannot be read", row_id)
            unreadable[row_id] = _sentence(problem)
    failed = _fold_or_set_aside(batches, at)
    UsageJournal.objects.bulk_create(
        UsageJournal(
            received_at=datetime.fromtimestamp(batch.received_s, UTC),
            calls=len(batch.calls),
            counted=to_bytes(batch),
            failed_at=at,
            error=error,
        )
        for batch, error in failed
    )
    for row_id, error in unreadable.items():
        UsageJournal.objects.filter(pk=row_id).update(failed_at=at, error=error)
    UsageJournal.objects.filter(pk__in=[row_id for row_id in claimed if row_id not in unreadable]).delete()
    set_aside = sum(len(batch.calls) for batch, _ in failed)
    return Folded(len(claimed), sum(len(batch.calls) for batch in batches) - set_aside, set_aside + len(unreadable))


def _fold_or_set_aside(batches: Sequence[Counted], at: datetime) -> list[tuple[Counted, str]]:
    """Folds all but the records that cannot be folded, and returns each of these as a batch, with what is wrong.
    Halving finds one among many with few folds.
    """
    if not batches:
        return []
    try:
        fold(batches, at=at)
    except FAULTS as problem:
        first, second = halves(batches)
        if not second:
            logger.exception("usage record cannot be folded")
            return [(batches[0], _sentence(problem))]
        return _fold_or_set_aside(first, at) + _fold_or_set_aside(second, at)
    return []


def _sentence(problem: Exception) -> str:
    """Without what follows the first line, where a driver's error repeats the values."""
    return f"{type(problem).__name__}: {problem}".split("\n", maxsplit=1)[0][:500]
