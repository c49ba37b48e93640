"""Signed changes to recorded usage: cost at another price, and records that move to another scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.charges import ADJUSTMENT, Charges, adjustments_of
from allocation.usage.engine.roll_ups import MINUTE_S, Key, Sums, day_of
from allocation.usage.engine.tasks import ZERO, DayKey, DaySums, TaskKey


@dataclass(frozen=True, slots=True)
class Correction:
    """A change to one record (its id and instant) at one scope. `sums` are added there, so they are negative where
    usage is taken away. The change counts at `booked_s` (seconds since 1970); `is_closed`: the record's own period is
    closed. `attribution` is set only where a record arrives at a new scope. `list_nanos` is the change at list prices.
    `charge_source` is the price source of the charge line that the change is written to.
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
    list_nanos: int
    price_source: str = ""
    price_version: str = ""
    attribution: str = ""
    charge_source: str = ADJUSTMENT


@dataclass(slots=True)
class CorrectionSums:
    """The corrections of a batch, summed as roll-ups, charge lines and tasks hold them. `first_calls` are the records
    that arrive at a new scope, by their task: their id and the scope's.
    """

    minutes: dict[Key, Sums]
    charges: Charges
    task_days: dict[DayKey, DaySums]
    tasks: dict[TaskKey, DaySums]
    first_calls: dict[TaskKey, list[tuple[str, int]]]


def correction_sums(corrections: Iterable[Correction]) -> CorrectionSums:
    """Signed sums; nothing is written."""
    totals = CorrectionSums({}, {}, {}, {}, {})
    for correction in corrections:
        key = Key(
            int(correction.booked_s // MINUTE_S) * MINUTE_S,
            correction.scope_id,
            correction.provider,
            correction.model,
            correction.activity,  # type: ignore[arg-type]  # an activity
        )
        totals.minutes.setdefault(key, Sums(last_s=correction.occurred_at.timestamp())).add(correction.sums)
        for charge, amounts in adjustments_of(
            key,
            correction.sums,
            correction.list_nanos,
            service_tier=correction.service_tier,
            closed=correction.is_closed,
            source=correction.charge_source,
        ):
            if charge in totals.charges:
                totals.charges[charge].add(amounts)
            else:
                totals.charges[charge] = amounts
        if correction.task_id:
            _add_to_task(totals, correction)
    return totals


def _add_to_task(totals: CorrectionSums, correction: Correction) -> None:
    task = TaskKey(correction.root_id, correction.task_id)
    on: date = day_of(correction.booked_s)
    for day in (
        totals.task_days.setdefault((correction.scope_id, on), DaySums()),
        totals.tasks.setdefault(task, DaySums()),
    ):
        day.requests += correction.sums.requests
        day.errors += correction.sums.errors
        day.tokens += correction.sums.input_tokens + correction.sums.output_tokens
        day.cost += from_nanos(correction.sums.cost_nanos) if correction.sums.cost_nanos else ZERO
    if correction.attribution:
        totals.first_calls.setdefault(task, []).append((correction.record_id, correction.scope_id))
