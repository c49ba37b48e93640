"""Calls of one task, summed: what a task has used so far, and what its day's roll-up is to be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.costing import DAY_S, CostedRecord
from allocation.usage.engine.roll_ups import day_of

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

    def add(self, other: "DaySums") -> None:
        self.tasks += other.tasks
        self.first_call_tokens += other.first_call_tokens
        self.requests += other.requests
        self.errors += other.errors
        self.tokens += other.tokens
        self.cost += other.cost

    def is_nothing(self) -> bool:
        return not any((self.tasks, self.first_call_tokens, self.requests, self.errors, self.tokens, self.cost))


DayKey = tuple[int, date]


@dataclass(slots=True)
class _Calls:
    """Calls of one task as they are added up; `first` is what FirstCall is compared by: day, instant, identity."""

    first: tuple[int, float, str]
    scope_id: int
    first_tokens: int
    last_s: float
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost_nanos: int = 0


def task_sums(records: Iterable[CostedRecord]) -> tuple[dict[TaskKey, TaskSums], dict[DayKey, DaySums]]:
    """By task, and by scope and day the calls of tasks without when those began. Runs for every event."""
    calls: dict[tuple[int, str], _Calls] = {}
    by_day: dict[tuple[int, int], list[int]] = {}
    for record in records:
        event = record.event
        task_id = event.task_id
        if not task_id:
            continue
        tokens = event.tokens.input + event.tokens.output
        requests = event.requests
        errors = requests if event.status == "error" else 0
        nanos = record.price.cost_nanos or 0
        number = int(record.booked_s // DAY_S)
        at_s = record.at_s
        first = (number, at_s, record.id)
        found = calls.get((record.root_id, task_id))
        if found is None:
            found = calls[record.root_id, task_id] = _Calls(first, record.scope_id, tokens, at_s)
        elif first < found.first:
            found.first, found.scope_id, found.first_tokens = first, record.scope_id, tokens
        found.last_s = max(found.last_s, at_s)
        found.requests += requests
        found.errors += errors
        found.tokens += tokens
        found.cost_nanos += nanos
        day = by_day.get((record.scope_id, number))
        if day is None:
            day = by_day[record.scope_id, number] = [0, 0, 0, 0]
        day[0] += requests
        day[1] += errors
        day[2] += tokens
        day[3] += nanos
    tasks = {TaskKey(*key): _summed(found) for key, found in calls.items()}
    days = {
        (scope_id, day_of(number * DAY_S)): DaySums(0, 0, requests, errors, tokens, from_nanos(nanos))
        for (scope_id, number), (requests, errors, tokens, nanos) in by_day.items()
    }
    return tasks, days


def _summed(calls: _Calls) -> TaskSums:
    number, at_s, record_id = calls.first
    first = FirstCall(at_s, record_id, calls.scope_id, day_of(number * DAY_S), calls.first_tokens)
    return TaskSums(first, calls.last_s, calls.requests, calls.errors, calls.tokens, from_nanos(calls.cost_nanos))


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
