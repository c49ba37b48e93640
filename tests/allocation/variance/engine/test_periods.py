from datetime import date

import pytest

from allocation.variance import queries
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, month, period_before
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
