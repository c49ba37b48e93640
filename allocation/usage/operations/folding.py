"""Adding what waits in the journal to the sums: first to roll-ups, which guardrails read, within a second; then, in
larger groups, to tasks and charge lines.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import NamedTuple

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Max

from allocation.usage.engine.charges import charges_of
from allocation.usage.engine.counted import Counted, from_bytes, to_bytes, with_calls
from allocation.usage.engine.roll_ups import PricedSums, add_by_price
from allocation.usage.engine.tasks import TaskCalls
from allocation.usage.models import UsageJournal
from allocation.usage.models.journal import UsageJournalQuerySet
from allocation.usage.operations.journal import CHARGED_MAX
from allocation.usage.operations.retries import with_retries
from allocation.usage.operations.roll_ups import add_up
from allocation.usage.operations.tasks import add_to_tasks
from allocation.usage.operations.watermarks import mark_lineages_dirty, touch_watermarks

logger = logging.getLogger(__name__)

# More records in one transaction save little more, and keep others waiting for their rows.
CALLS_MAX = 20_000
CLAIMED_MAX = 2_000
# What is wrong with a record, not with the database: folding it again would fail again.
FAULTS = (DataError, IntegrityError, ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Folded:
    """How many batches and records were added to sums, and how many records were set aside."""

    batches: int = 0
    calls: int = 0
    failed: int = 0


class Stage(Enum):
    """What a fold does: roll-ups, then tasks and charge lines, or all that is missing."""

    ROLL_UP = "roll up"
    CHARGE = "charge"
    WHOLE = "whole"

    def rows(self) -> UsageJournalQuerySet:
        """What waits for it."""
        match self:
            case Stage.ROLL_UP:
                return UsageJournal.objects.to_roll_up()
            case Stage.CHARGE:
                return UsageJournal.objects.to_charge()
            case Stage.WHOLE:
                return UsageJournal.objects.waiting()


class _Part(NamedTuple):
    """Calls [first, last) of a row of the journal, read when they are added: a large group is never in memory whole."""

    row_id: int
    stored: bytes
    is_rolled_up: bool
    calls: int
    first: int = 0
    last: int | None = None

    def batch(self) -> Counted:
        """Raises ValueError for what cannot be read."""
        whole = from_bytes(self.stored)
        return with_calls(whole, whole.calls[self.first : self.last])

    def halves(self) -> tuple["_Part", "_Part"] | None:
        """None where there is one call, none, or nothing that can be read."""
        try:
            length = len(self.batch().calls)
        except ValueError:
            return None
        middle = self.first + length // 2
        return (self._replace(last=middle), self._replace(first=middle)) if length > 1 else None


def fold(batches: Sequence[Counted], *, at: datetime) -> None:
    """Adds the batches to tasks, roll-ups and charge lines, moves the watermarks of the organisations that were heard
    from, and marks the scopes dirty with all above them. In the order of docs/locks.md, whatever batches are folded.
    """
    _add(rolled_up=batches, charged=batches, at=at)


@transaction.atomic
def _add(*, rolled_up: Sequence[Counted], charged: Iterable[Counted], at: datetime) -> None:
    priced: PricedSums = {}
    tasks = TaskCalls()
    for batch in charged:
        add_by_price(priced, batch)
        tasks.add(batch)
    add_up(write_tasks=partial(add_to_tasks, *tasks.sums()), calls=rolled_up, charges=charges_of(priced), at=at)
    heard: dict[int, float] = {}
    for batch in rolled_up:
        for root_id in batch.root_ids:
            heard[root_id] = max(heard.get(root_id, 0.0), batch.received_s)
    touch_watermarks(heard)
    # Whether a budget is a step fuller was said when its usage was charged.
    mark_lineages_dirty({call.scope_id for batch in rolled_up for call in batch.calls}, at, can_wait=True)


def roll_up_waiting(*, at: datetime, calls_max: int = CALLS_MAX) -> Folded:
    """Adds the oldest batches that no other fold holds, about `calls_max` records, to roll-ups alone, in one
    transaction; tasks and charge lines still wait for them.
    """
    return with_retries(partial(_fold_lazily, at, Stage.ROLL_UP, calls_max))


def charge_waiting(*, at: datetime, calls_max: int = CHARGED_MAX) -> Folded:
    """Adds what roll-ups hold to tasks and charge lines, as `roll_up_waiting`."""
    return with_retries(partial(_fold_lazily, at, Stage.CHARGE, calls_max))


def fold_waiting(*, at: datetime, calls_max: int = CALLS_MAX) -> Folded:
    """Folds the oldest batches that no other fold holds, about `calls_max` records, in one transaction, into all sums
    that do not hold them yet. Any number may run at once. A record that cannot be folded is set aside, and told of; the
    others go on.
    """
    return with_retries(partial(_fold_lazily, at, Stage.WHOLE, calls_max))


@transaction.atomic
def _fold_lazily(at: datetime, stage: Stage, calls_max: int) -> Folded:
    with connection.cursor() as cursor:
        # Should its commit be lost, what it folded waits again.
        cursor.execute("SET LOCAL synchronous_commit = off")
    return _fold_claimed(at, stage, calls_max)


@transaction.atomic
def settle(*, at: datetime) -> None:
    """Folds all that waits, after any fold that runs: what was recorded before is in the sums when it returns. For
    whoever reads them to write: inside its transaction, after the ledger's locks.
    """
    through = UsageJournal.objects.waiting().aggregate(last=Max("pk"))["last"]
    while through is not None and UsageJournal.objects.waiting().filter(pk__lte=through).exists():
        _fold_claimed(at, Stage.WHOLE, CALLS_MAX, through=through)


@transaction.atomic
def _fold_claimed(at: datetime, stage: Stage, calls_max: int, through: int | None = None) -> Folded:
    """The oldest batch is folded whatever its size. Up to `through` it waits for what other folds hold."""
    waiting = stage.rows().order_by("pk")
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
    rows = UsageJournal.objects.filter(pk__in=claimed).order_by("pk")
    parts = [
        _Part(row_id, bytes(stored), rolled_up_at is not None, row_calls)
        for row_id, stored, rolled_up_at, row_calls in rows.values_list("pk", "counted", "rolled_up_at", "calls")
    ]
    failed = _fold_or_set_aside(parts, stage, at)
    set_aside = _set_aside(parts, failed, at) if failed else 0
    done = rows.filter(failed_at=None)
    if stage is Stage.ROLL_UP:
        done.filter(calls__gt=0).update(rolled_up_at=at)
        done = done.filter(calls=0)
    done.delete()
    return Folded(len(claimed), calls - set_aside, len(failed))


def _fold_or_set_aside(parts: Sequence[_Part], stage: Stage, at: datetime) -> list[tuple[_Part, str]]:
    """Folds all but the records that cannot be folded, and returns each of these, with what is wrong. Halving finds one
    among many with few folds.
    """
    try:
        _add(
            rolled_up=[part.batch() for part in parts if not part.is_rolled_up],
            charged=() if stage is Stage.ROLL_UP else (part.batch() for part in parts),
            at=at,
        )
    except FAULTS as problem:
        first, second = _halves(parts)
        if not second:
            logger.exception("usage of the journal's row %s cannot be folded", parts[0].row_id)
            return [(parts[0], _sentence(problem))]
        return _fold_or_set_aside(first, stage, at) + _fold_or_set_aside(second, stage, at)
    return []


def _halves(parts: Sequence[_Part]) -> tuple[Sequence[_Part], Sequence[_Part]]:
    """About half of the records each; the second is empty where they cannot be parted."""
    if len(parts) > 1:
        middle = len(parts) // 2
        return parts[:middle], parts[middle:]
    halves = parts[0].halves()
    return (parts, ()) if halves is None else (halves[:1], halves[1:])


def _set_aside(parts: Iterable[_Part], failed: Sequence[tuple[_Part, str]], at: datetime) -> int:
    """Of how many records the rows are kept that could not be folded: a row of its own for each, but for what is a row
    already.
    """
    calls = 0
    for whole in parts:
        own = [(part, error) for part, error in failed if part.row_id == whole.row_id]
        if not own:
            continue
        if own[0][0] == whole:
            UsageJournal.objects.filter(pk=whole.row_id).update(failed_at=at, error=own[0][1])
            calls += whole.calls
            continue
        for part, error in own:
            batch = part.batch()
            UsageJournal.objects.create(
                received_at=datetime.fromtimestamp(batch.received_s, UTC),
                calls=len(batch.calls),
                counted=to_bytes(batch),
                rolled_up_at=at if whole.is_rolled_up else None,
                failed_at=at,
                error=error,
            )
        lost = {part.first for part, _ in own}
        batch = whole.batch()
        rest = with_calls(batch, [call for place, call in enumerate(batch.calls) if place not in lost])
        UsageJournal.objects.filter(pk=whole.row_id).update(counted=to_bytes(rest), calls=len(rest.calls))
        calls += len(lost)
    return calls


def _sentence(problem: Exception) -> str:
    """Without what follows the first line, where a driver's error repeats the values."""
    return f"{type(problem).__name__}: {problem}".split("\n", maxsplit=1)[0][:500]
