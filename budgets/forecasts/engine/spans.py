"""Of which days a forecast is made, and on which day a budget runs out."""

from collections.abc import Sequence
from datetime import date

from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.forecasting import Range
from budgets.forecasts.engine.running_out import Exhaustion
from budgets.plans.engine.periods import Period, period_of
from governance.calendar.engine import DAY, month_after

MONTHS_AHEAD = 3
# As kept: an estimate says nothing of what is finer.
PLACES = 6


def months_ahead(today: date) -> list[Period]:
    """The calendar months after the day's own."""
    return [period_of("month", month_after(today, number)) for number in range(1, MONTHS_AHEAD + 1)]


def window_of(span: Period, today: date) -> Window:
    """The days of the span from today on. ValueError when it is over."""
    if span.end <= today:
        raise ValueError(f"{span.last_day} is over")
    return Window(max((span.start - today).days, 0), (span.end - today).days)


def exhaustion(path: Sequence[Range], *, booked: float, budgeted: float, today: date) -> Exhaustion:
    """`path` is the running total after each day from today on, without what was booked before."""
    left = round(budgeted - booked, PLACES)

    def first_day(totals: Sequence[float]) -> date | None:
        return next((today + DAY * number for number, total in enumerate(totals) if round(total, PLACES) >= left), None)

    return Exhaustion(
        early=first_day([each.high for each in path]),
        mid=first_day([each.mid for each in path]),
        late=first_day([each.low for each in path]),
    )
