from datetime import date

import pytest

from allocation.variance import queries
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, comparable, month, period_before
from governance.errors import Invalid
from tests.allocation.variance.used import OCTOBER, PERIODS

pytestmark = pytest.mark.django_db


# --- which periods --------------------------------------------------------------------------------------------------


def periods_given(**given: date) -> ComparedPeriods:
    nothing = dict.fromkeys(("since", "until", "against_since", "against_until"))
    return queries.compared_periods(**{**nothing, **given}, today=date(2026, 11, 24))  # type: ignore[arg-type]


def test_what_is_left_out_is_the_last_whole_month_and_the_one_before() -> None:
    assert periods_given() == PERIODS
    week = {"since": date(2026, 11, 9), "until": date(2026, 11, 16)}
    assert periods_given(**week).before == ComparedPeriod(date(2026, 11, 2), date(2026, 11, 9))
    assert period_before(month(date(2026, 1, 5))) == month(date(2025, 12, 1))
    assert periods_given(against_since=date(2026, 1, 1), against_until=date(2026, 2, 1)).after == OCTOBER


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"since": date(2026, 11, 9)}, "period_open"),
        ({"since": date(2026, 11, 9), "until": date(2026, 11, 9)}, "period_empty"),
        ({"against_since": date(2026, 11, 9), "against_until": date(2026, 11, 8)}, "period_empty"),
    ],
)
def test_periods_that_are_none(given: dict[str, date], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        periods_given(**given)
    assert refused.value.code == code


NOVEMBER = month(date(2026, 11, 1))


def test_a_month_that_runs_is_compared_with_as_many_days() -> None:
    periods = comparable(NOVEMBER, None, today=date(2026, 11, 28))
    assert (periods.before, periods.after) == (
        ComparedPeriod(date(2026, 10, 1), date(2026, 10, 28)),
        ComparedPeriod(date(2026, 11, 1), date(2026, 11, 28)),
    )
    assert periods.note == (
        "2026-11 still runs: its first 27 days so far, until 2026-11-27, against the first 27 days of 2026-10."
    )
    against = comparable(NOVEMBER, month(date(2025, 11, 1)), today=date(2026, 11, 3))
    assert (against.before, against.after.days) == (ComparedPeriod(date(2025, 11, 1), date(2025, 11, 3)), 2)


def test_a_month_that_is_over_is_compared_as_it_is() -> None:
    periods = comparable(NOVEMBER, None, today=date(2026, 12, 1))
    assert (periods.before, periods.after, periods.note) == (month(date(2026, 10, 1)), NOVEMBER, "")


def test_more_days_than_the_month_before_has_are_compared_with_those_right_before() -> None:
    periods = comparable(month(date(2026, 3, 1)), None, today=date(2026, 3, 31))
    assert (periods.before, periods.after.days) == (ComparedPeriod(date(2026, 1, 30), date(2026, 3, 1)), 30)
    assert "against 2026-01-30 to 2026-02-28." in periods.note
