"""Calls of one task, summed: what a task has used so far, and what its day's roll-up is to be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.engine.costing import CostedRecord
from allocation.engine.rates import from_nanos
from allocation.engine.rollup import day_of

ZERO = Decimal(0)


class TaskKey(NamedTuple):
    root_id: int
    task_id: str


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The earliest call; of two at the same instant the one with the lower identity, so that order of arrival does not
    matter. `on` is the day on which it counts, `at_s` when it was made (seconds since 1970). The day goes first: what
    came too late for a closed period takes no task out of it.
    """

    at_s: float
    record_id: str
    scope_id: int
    on: date
    tokens: int

    def is_before(self, other: "FirstCall | None") -> bool:
        return other is None or (self.on, self.at_s, self.record_id) < (other.on, other.at_s, other.record_id)


@dataclass(frozen=True, slots=True)
class TaskSums:
    first: FirstCall | None = None
    last_s: float = 0.0
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def plus(self, other: "TaskSums") -> "TaskSums":
        first = self.first
        if other.first is not None and other.first.is_before(first):
            first = other.first
        return TaskSums(
            first=first,
            last_s=max(self.last_s, other.last_s),
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            tokens=self.tokens + other.tokens,
            cost=self.cost + other.cost,
        )


@dataclass(slots=True)
class DaySums:
    """What one scope and day gains, or loses where a task turns out to have begun elsewhere."""

    tasks: int = 0
    first_call_tokens: int = 0
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def is_nothing(self) -> bool:
        return not any((self.tasks, self.first_call_tokens, self.requests, self.errors, self.tokens, self.cost))


DayKey = tuple[int, date]


def task_sums(records: Iterable[CostedRecord]) -> tuple[dict[TaskKey, TaskSums], dict[DayKey, DaySums]]:
    """By task, and by scope and day the calls of tasks without when those began."""
    tasks: dict[TaskKey, TaskSums] = {}
    days: dict[DayKey, DaySums] = {}
    for record in records:
        event = record.event
        if not event.task_id:
            continue
        tokens = event.tokens.input + event.tokens.output
        cost = ZERO if record.cost_nanos is None else from_nanos(record.cost_nanos)
        errors = event.requests if event.status == "error" else 0
        on = day_of(record.booked_s)
        first = FirstCall(record.at_s, record.id, record.scope_id, on, tokens)
        key = TaskKey(record.root_id, event.task_id)
        call = TaskSums(first, record.at_s, event.requests, errors, tokens, cost)
        known = tasks.get(key)
        tasks[key] = call if known is None else known.plus(call)
        day = days.setdefault((record.scope_id, on), DaySums())
        day.requests += event.requests
        day.errors += errors
        day.tokens += tokens
        day.cost += cost
    return tasks, days


def merged(
    before: Mapping[TaskKey, TaskSums], added: Mapping[TaskKey, TaskSums], days: dict[DayKey, DaySums]
) -> dict[TaskKey, TaskSums]:
    """Every task with what was added; `days` learns which tasks began, or began elsewhere than was thought."""
    after: dict[TaskKey, TaskSums] = {}
    for key, addition in added.items():
        old = before.get(key, TaskSums())
        new = old.plus(addition)
        after[key] = new
        if new.first != old.first:
            _begin(old.first, -1, days)
            _begin(new.first, 1, days)
    return after


def moved(first: FirstCall, scope_id: int) -> FirstCall:
    """The first call after its record was attributed to another scope."""
    return replace(first, scope_id=scope_id)


def _begin(first: FirstCall | None, sign: int, days: dict[DayKey, DaySums]) -> None:
    if first is not None:
        day = days.setdefault((first.scope_id, first.on), DaySums())
        day.tasks += sign
        day.first_call_tokens += sign * first.tokens
