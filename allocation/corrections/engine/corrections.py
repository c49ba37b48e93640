"""Signed changes to what was recorded: money that a price list corrects, and records that move to another scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.charges import Charges, adjustments_of
from allocation.usage.engine.roll_ups import MINUTE_S, Key, Sums, day_of
from allocation.usage.engine.tasks import ZERO, DayKey, DaySums, TaskKey


@dataclass(frozen=True, slots=True)
class Correction:
    """Of one record (its id and instant) at one scope: `sums` are added there, so they are negative where something is
    taken away. `booked_s` (seconds since 1970) is where it counts; `is_closed` says that the record's own period is
    closed. `attribution` stands on the row that a record moves to.
    """

    record_id: str
    occurred_at: datetime
    booked_s: float
    is_closed: bool
    root_id: int
    scope_id: int
    provider: str
    model: str
    activity: str
    service_tier: str
    task_id: str
    sums: Sums
    price_source: str = ""
    price_version: str = ""
    attribution: str = ""


@dataclass(slots=True)
class Corrected:
    """What the corrections of one batch come to."""

    minutes: dict[Key, Sums]
    charges: Charges
    task_days: dict[DayKey, DaySums]
    tasks: dict[TaskKey, DaySums]
    first_calls: dict[TaskKey, list[tuple[str, int]]]


def corrected(corrections: Iterable[Correction]) -> Corrected:
    found = Corrected({}, {}, {}, {}, {})
    for each in corrections:
        key = Key(int(each.booked_s // MINUTE_S) * MINUTE_S, each.scope_id, each.provider, each.model, each.activity)  # type: ignore[arg-type]  # an activity
        found.minutes.setdefault(key, Sums(last_s=each.occurred_at.timestamp())).add(each.sums)
        for charge, amounts in adjustments_of(key, each.sums, service_tier=each.service_tier, closed=each.is_closed):
            if charge in found.charges:
                found.charges[charge].add(amounts)
            else:
                found.charges[charge] = amounts
        if each.task_id:
            _of_task(each, found)
    return found


def _of_task(each: Correction, found: Corrected) -> None:
    task = TaskKey(each.root_id, each.task_id)
    on: date = day_of(each.booked_s)
    for day in (
        found.task_days.setdefault((each.scope_id, on), DaySums()),
        found.tasks.setdefault(task, DaySums()),
    ):
        day.requests += each.sums.requests
        day.errors += each.sums.errors
        day.tokens += each.sums.input_tokens + each.sums.output_tokens
        day.cost += from_nanos(each.sums.cost_nanos) if each.sums.cost_nanos else ZERO
    if each.attribution:
        found.first_calls.setdefault(task, []).append((each.record_id, each.scope_id))
