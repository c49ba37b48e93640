from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.plans.engine.periods import MONTHS, Period, is_first_day, period_in_force, period_of


@pytest.mark.parametrize(
    ("kind", "day", "wanted"),
    [
        ("month", date(2026, 11, 24), Period(date(2026, 11, 1), date(2026, 12, 1))),
        ("month", date(2026, 12, 31), Period(date(2026, 12, 1), date(2027, 1, 1))),
        ("month", date(2028, 2, 29), Period(date(2028, 2, 1), date(2028, 3, 1))),
        ("quarter", date(2026, 11, 24), Period(date(2026, 10, 1), date(2027, 1, 1))),
        ("quarter", date(2026, 4, 1), Period(date(2026, 4, 1), date(2026, 7, 1))),
        ("year", date(2026, 12, 31), Period(date(2026, 1, 1), date(2027, 1, 1))),
    ],
)
def test_a_day_lies_in_its_calendar_period(kind: str, day: date, wanted: Period) -> None:
    assert period_of(kind, day) == wanted


@given(st.sampled_from(sorted(MONTHS)), st.dates(max_value=date(9990, 1, 1)))
def test_periods_follow_each_other_without_gap_or_overlap(kind: str, day: date) -> None:
    period = period_of(kind, day)

    assert period.contains(day)
    assert is_first_day(kind, period.start)
    assert period_of(kind, period.end).start == period.end
    assert not period.contains(period.end)


@given(
    st.sampled_from([("month", "quarter"), ("quarter", "year"), ("month", "year")]),
    st.dates(max_value=date(9990, 1, 1)),
)
def test_a_shorter_period_lies_within_a_longer_one(kinds: tuple[str, str], day: date) -> None:
    assert period_of(kinds[1], day).covers(period_of(kinds[0], day))


@pytest.mark.parametrize(
    ("day", "wanted"),
    [
        (date(2026, 10, 31), None),
        (date(2026, 11, 5), None),
        (date(2026, 11, 10), Period(date(2026, 11, 10), date(2026, 12, 1))),
        (date(2026, 12, 24), Period(date(2026, 12, 1), date(2026, 12, 25))),
        (date(2026, 12, 25), None),
    ],
)
def test_a_period_is_cut_to_what_is_in_force(day: date, wanted: Period | None) -> None:
    assert period_in_force("month", starts_on=date(2026, 11, 10), ends_on=date(2026, 12, 25), day=day) == wanted
