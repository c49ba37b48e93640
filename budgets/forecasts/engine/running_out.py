"""When a budget runs out, and how its use compares with an even pace. Without numpy: pages and the API read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from budgets.plans.engine.amounts import NANO
from budgets.plans.engine.periods import Period
from governance.calendar.engine import DAY

NOT_MADE = "No forecast yet: made each night."


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """The first day on which the budget is spent, in 10, 50 and 90 of 100 cases; None when it lasts."""

    early: date | None = None
    mid: date | None = None
    late: date | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of a budget in its period. `pro_rata_ratio` is what was used as a share of what an even pace would have used by
    the end of today: above 1 is faster; None where nothing is allocated. Without `made_on` nothing is forecast, for
    `reason`.
    """

    pro_rata_ratio: Decimal | None
    is_spent: bool
    exhausted: Exhaustion
    made_on: date | None
    reason: str = ""

    @property
    def runs_out_on(self) -> date | None:
        """In 50 of 100 cases; None when it lasts, or when nothing is forecast."""
        return self.exhausted.mid


@dataclass(frozen=True, slots=True)
class Expected:
    """A forecast of the period: [low, mid, high] of the running total after each day from `made_on` on; empty with a
    `reason`.
    """

    made_on: date
    path: Sequence[Sequence[Decimal]]
    reason: str = ""


def outlook_of(*, amount: Decimal, used: Decimal, period: Period, today: date, expected: Expected | None) -> Outlook:
    """`amount` and `used` as they are now, in the unit of the forecast: what was granted since it was made counts."""
    even = amount * min((today - period.start).days + 1, period.days) / period.days
    ratio = (used / even).quantize(NANO) if even > 0 else None
    if used >= amount:
        return Outlook(ratio, True, Exhaustion(today, today, today), expected.made_on if expected else None)
    if expected is None or not expected.path:
        return Outlook(ratio, False, Exhaustion(), None, expected.reason if expected else NOT_MADE)
    low, mid, high = (
        _first_day([day[place] for day in expected.path], amount, expected.made_on, today) for place in range(3)
    )
    return Outlook(ratio, False, Exhaustion(early=high, mid=mid, late=low), expected.made_on)


def _first_day(totals: Sequence[Decimal], amount: Decimal, made_on: date, today: date) -> date | None:
    """A day before today, foreseen and not come, is today."""
    days = (max(made_on + DAY * number, today) for number, total in enumerate(totals) if total >= amount)
    return next(days, None)
