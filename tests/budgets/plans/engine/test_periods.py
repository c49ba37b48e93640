from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.plans.engine.periods import MONTHS, Period, is_first_day, lie_within, period_in_force, period_of


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


@pytest.mark.parametrize(
    ("kind", "year_starts", "day", "start", "end"),
    [
        ("year", 4, date(2027, 3, 31), date(2026, 4, 1), date(2027, 4, 1)),
        ("year", 4, date(2027, 4, 1), date(2027, 4, 1), date(2028, 4, 1)),
        ("year", 12, date(2026, 12, 31), date(2026, 12, 1), date(2027, 12, 1)),
        ("quarter", 2, date(2027, 1, 31), date(2026, 11, 1), date(2027, 2, 1)),
        ("quarter", 2, date(2027, 2, 1), date(2027, 2, 1), date(2027, 5, 1)),
        ("quarter", 4, date(2026, 11, 30), date(2026, 10, 1), date(2027, 1, 1)),
        ("month", 7, date(2028, 2, 29), date(2028, 2, 1), date(2028, 3, 1)),
    ],
)
def test_a_year_starts_where_the_organisation_says(
    kind: str, year_starts: int, day: date, start: date, end: date
) -> None:
    assert period_of(kind, day, year_starts) == Period(start, end)
    assert is_first_day(kind, start, year_starts)


@pytest.mark.parametrize("year_starts", range(1, 13))
def test_every_day_lies_in_one_period_of_a_fiscal_year(year_starts: int) -> None:
    for kind in MONTHS:
        day, starts = date(2027, 1, 1), set()
        while day < date(2029, 1, 1):
            period = period_of(kind, day, year_starts)
            assert period.contains(day)
            assert period_of(kind, period.last_day, year_starts) == period
            starts.add(period.start)
            day += timedelta(days=1)
        assert len(starts) in (24 // MONTHS[kind], 24 // MONTHS[kind] + 1)


def test_periods_of_two_years_lie_within_each_other_or_not() -> None:
    fits = {
        (inner, outer, year): lie_within((inner, year), (outer, 1))
        for inner in MONTHS for outer in MONTHS for year in (1, 2, 4)
    }  # fmt: skip
    assert {case for case, is_within in fits.items() if is_within} == {
        *((inner, outer, 1) for inner in MONTHS for outer in MONTHS if MONTHS[inner] <= MONTHS[outer]),
        *(("month", outer, year) for outer in MONTHS for year in (2, 4)),
        ("quarter", "quarter", 4), ("quarter", "year", 4),
    }  # fmt: skip
