"""The days of a forecast, and the day on which a budget is spent."""

from datetime import date

import pytest

from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.forecasting import Range
from budgets.forecasts.engine.running_out import Exhaustion
from budgets.forecasts.engine.spans import exhaustion, months_ahead, window_of
from budgets.plans.engine.periods import Period

TODAY = date(2026, 11, 24)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
PATH = [Range(10 * day, 12 * day, 15 * day) for day in range(1, 8)]


def test_a_budget_runs_out_on_the_first_day_that_reaches_it() -> None:
    found = exhaustion(PATH, booked=200, budgeted=245, today=TODAY)
    assert found == Exhaustion(early=date(2026, 11, 26), mid=date(2026, 11, 27), late=date(2026, 11, 28))
    assert exhaustion(PATH, booked=200, budgeted=1000, today=TODAY) == Exhaustion()
    assert exhaustion(PATH, booked=200, budgeted=200, today=TODAY) == Exhaustion(TODAY, TODAY, TODAY)


def test_spans_are_counted_from_today() -> None:
    assert window_of(NOVEMBER, TODAY) == Window(0, 7)
    assert [str(month.start) for month in months_ahead(TODAY)] == ["2026-12-01", "2027-01-01", "2027-02-01"]
    assert window_of(months_ahead(TODAY)[0], TODAY) == Window(7, 38)
    with pytest.raises(ValueError, match="2026-11-30 is over"):
        window_of(NOVEMBER, date(2026, 12, 1))
