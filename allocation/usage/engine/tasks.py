"""Calls of a batch summed by task: each task's new totals, and what its scopes and days gain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.call_prices import DAY_S
from allocation.usage.engine.counted import Counted
from allocation.usage.engine.roll_ups import day_of

ZERO = Decimal(0)


class TaskKey(NamedTuple):
    """A task of an organisation."""

    root_id: int
    task_id: str


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The call with which a task began: the earliest by (day it counts on, instant, record id), whatever the order of
    arrival. `on` is the UTC day it counts on, `at_s` is in seconds since 1970. The day goes first, so that a late call
    never moves a task out of a closed period.
    """

    at_s: float
    record_id: str
    scope_id: int
    on: date
    tokens: int

    def is_before(self, call: "FirstCall | None") -> bool:
        """Whether this call is earlier than `call`, or there is no `call`."""
        return call is None or (self.on, self.at_s, self.record_id) < (call.on, call.at_s, call.record_id)


@dataclass(frozen=True, slots=True)
class TaskSums:
    """Totals of one task. `last_s` is its latest occurrence in seconds since 1970; `cost` is in the organisation's
    currency.
    """

    first: FirstCall | None = None
    last_s: float = 0.0
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def plus(self, addition: "TaskSums") -> "TaskSums":
        """The totals of both, with the earlier first call."""
        first = self.first
        if addition.first is not None and addition.first.is_before(first):
            first = addition.first
        return TaskSums(
            first=first,
            last_s=max(self.last_s, addition.last_s),
            requests=self.requests + addition.requests,
            errors=self.errors + addition.errors,
            tokens=self.tokens + addition.tokens,
            cost=self.cost + addition.cost,
        )


@dataclass(slots=True)
class DaySums:
    """What one scope and UTC day gains; negative where a task turns out to have begun elsewhere."""

    tasks: int = 0
    first_call_tokens: int = 0
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal = ZERO

    def add(self, sums: "DaySums") -> None:
        """Adds other sums of the same scope and day."""
        self.tasks += sums.tasks
        self.first_call_tokens += sums.first_call_tokens
        self.requests += sums.requests
        self.errors += sums.errors
        self.tokens += sums.tokens
        self.cost += sums.cost

    def is_nothing(self) -> bool:
        """Whether every sum is 0."""
        return not any((self.tasks, self.first_call_tokens, self.requests, self.errors, self.tokens, self.cost))


DayKey = tuple[int, date]


@dataclass(slots=True)
class _Calls:
    """The calls of one task while they are summed. `first` is (day, instant, record id), as FirstCall is ordered."""

    first: tuple[int, float, str]
    scope_id: int
    first_tokens: int
    last_s: float
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    cost_nanos: int = 0


class TaskCalls:
    """Calls of tasks, summed batch by batch."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, str], _Calls] = {}
        self._by_day: dict[tuple[int, int], list[int]] = {}

    def add(self, batch: Counted) -> None:
        """Runs for every record."""
        calls, by_day = self._calls, self._by_day
        for call in batch.calls:
            if not call.task_id:
                continue
            tokens = call.input_tokens + call.output_tokens
            requests = call.requests
            errors = requests if call.failed else 0
            nanos = call.cost_nanos or 0
            day_number = int(call.booked_s // DAY_S)
            first = (day_number, call.at_s, call.record_id)
            key = (call.root_id, call.task_id)
            task_calls = calls.get(key)
            if task_calls is None:
                task_calls = calls[key] = _Calls(first, call.scope_id, tokens, call.at_s)
            elif first < task_calls.first:
                task_calls.first, task_calls.scope_id, task_calls.first_tokens = first, call.scope_id, tokens
            if call.at_s > task_calls.last_s:  # noqa: PLR1730  # max() costs a call per record
                task_calls.last_s = call.at_s
            task_calls.requests += requests
            task_calls.errors += errors
            task_calls.tokens += tokens
            task_calls.cost_nanos += nanos
            day_totals = by_day.get((call.scope_id, day_number))
            if day_totals is None:
                day_totals = by_day[call.scope_id, day_number] = [0, 0, 0, 0]
            day_totals[0] += requests
            day_totals[1] += errors
            day_totals[2] += tokens
            day_totals[3] += nanos

    def sums(self) -> tuple[dict[TaskKey, TaskSums], dict[DayKey, DaySums]]:
        """By task; and those of the calls by scope and day, where no task is counted."""
        tasks = {TaskKey(*key): _summed(task_calls) for key, task_calls in self._calls.items()}
        days = {
            (scope_id, day_of(day_number * DAY_S)): DaySums(0, 0, requests, errors, tokens, from_nanos(nanos))
            for (scope_id, day_number), (requests, errors, tokens, nanos) in self._by_day.items()
        }
        return tasks, days


def _summed(calls: _Calls) -> TaskSums:
    number, at_s, record_id = calls.first
    first = FirstCall(at_s, record_id, calls.scope_id, day_of(number * DAY_S), calls.first_tokens)
    return TaskSums(first, calls.last_s, calls.requests, calls.errors, calls.tokens, from_nanos(calls.cost_nanos))


def merge_tasks(
    before: Mapping[TaskKey, TaskSums], added: Mapping[TaskKey, TaskSums], days: dict[DayKey, DaySums]
) -> dict[TaskKey, TaskSums]:
    """Each task's totals after the addition. `days` gains a task on the scope and day where it began, and loses it
    where it was thought to have begun.
    """
    after: dict[TaskKey, TaskSums] = {}
    for key, addition in added.items():
        old = before.get(key, TaskSums())
        if not old.requests:
            # All its calls were taken back: it begins anew.
            old = replace(old, first=None)
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
