from datetime import date
from decimal import Decimal

import pytest

from budgets.forecasts.engine.running_out import NOT_MADE, Exhaustion, Expected, Outlook, outlook_of
from budgets.plans.engine.periods import Period

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
TODAY = date(2026, 11, 24)


def path(*days: str) -> list[list[Decimal]]:
    return [[Decimal(bound) for bound in day.split()] for day in days]


def seen(amount: str, used: str, expected: Expected | None, period: Period = NOVEMBER, today: date = TODAY) -> Outlook:
    return outlook_of(amount=Decimal(amount), used=Decimal(used), period=period, today=today, expected=expected)


@pytest.mark.parametrize(
    ("made_on", "amount", "days"),
    [
        (TODAY, "100", (date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 26))),
        # More was granted since: the same forecast says a later day.
        (TODAY, "110", (date(2026, 11, 25), date(2026, 11, 26), None)),
        (TODAY, "121", (None, None, None)),
        # Of the night before, and foreseen for yesterday: it did not come, so it is today's.
        (date(2026, 11, 23), "100", (date(2026, 11, 24), date(2026, 11, 24), date(2026, 11, 25))),
    ],
)
def test_the_first_day_on_which_a_path_comes_to_what_there_is(
    made_on: date, amount: str, days: tuple[date | None, ...]
) -> None:
    expected = Expected(made_on, path("80 90 100", "90 100 110", "100 110 120"))
    outlook = seen(amount, "75", expected)
    assert outlook == Outlook(outlook.pro_rata_ratio, False, Exhaustion(*days), made_on)
    assert outlook.runs_out_on == days[1]


def test_what_is_spent_is_spent_today_whatever_was_expected() -> None:
    assert seen("100", "100", None) == Outlook(Decimal("1.25"), True, Exhaustion(TODAY, TODAY, TODAY), None)
    assert seen("0", "0", None) == Outlook(None, True, Exhaustion(TODAY, TODAY, TODAY), None)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [(None, NOT_MADE), (Expected(TODAY, [], "Not enough history: 5 of 14 days."), "Not enough history: 5 of 14 days.")],
)
def test_nothing_is_forecast_for_a_reason(expected: Expected | None, reason: str) -> None:
    assert seen("100", "60", expected) == Outlook(Decimal("0.75"), False, Exhaustion(), None, reason)


def test_the_pace_counts_the_days_that_have_begun() -> None:
    a_year = Period(date(2026, 1, 1), date(2027, 1, 1))
    assert seen("365", "2", None, a_year, date(2026, 1, 1)).pro_rata_ratio == 2
    assert seen("365", "365.00", None, a_year, date(2026, 12, 31)).pro_rata_ratio == 1
