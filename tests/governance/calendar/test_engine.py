from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.calendar.engine import (
    check_validity,
    day_of,
    days_from,
    first_of_month,
    is_in_force,
    midnight,
    month_after,
    month_before,
)

DAYS = st.dates(date(2, 1, 1), date(9998, 12, 31))


def test_a_day_begins_at_midnight_utc() -> None:
    assert midnight(date(2026, 11, 24)) == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 24, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 23, 59, 59, 999_999, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 23, 30, tzinfo=timezone(timedelta(hours=-1))), date(2026, 11, 25)),
        (datetime(2026, 11, 24, 0, 30, tzinfo=timezone(timedelta(hours=1))), date(2026, 11, 23)),
    ],
)
def test_an_instant_is_of_a_utc_day_in_whatever_zone_it_is_written(at: datetime, day: date) -> None:
    assert day_of(at) == day


@pytest.mark.parametrize(
    ("day", "before", "first", "after"),
    [
        (date(2026, 11, 24), date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)),
        (date(2026, 12, 31), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)),
        (date(2026, 1, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)),
        (date(2024, 2, 29), date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)),
        (date(2026, 1, 31), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)),
    ],
)
def test_months_begin_on_their_first_day(day: date, before: date, first: date, after: date) -> None:
    assert (month_before(day), first_of_month(day), month_after(day)) == (before, first, after)


def test_months_are_counted_over_the_turn_of_the_year() -> None:
    assert [month_after(date(2026, 11, 24), months) for months in (-23, -11, 0, 1, 2, 14)] == [
        date(2024, 12, 1), date(2025, 12, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2028, 1, 1),
    ]  # fmt: skip


@given(DAYS)
def test_the_month_before_the_month_after_is_the_days_own(day: date) -> None:
    assert (month_before(month_after(day)), month_after(month_before(day))) == (first_of_month(day),) * 2


def test_the_days_of_a_period_are_without_its_end() -> None:
    assert list(days_from(date(2024, 2, 28), date(2024, 3, 2))) == [
        date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1),
    ]  # fmt: skip
    assert list(days_from(date(2024, 3, 2), date(2024, 3, 2))) == []


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [
        (None, None, [True, True, True]),
        (date(2026, 11, 24), None, [False, True, True]),
        (None, date(2026, 11, 24), [True, False, False]),
        (date(2026, 11, 24), date(2026, 11, 25), [False, True, False]),
        (date(2026, 11, 24), date(2026, 11, 24), [False, False, False]),
    ],
)
def test_a_validity_holds_its_first_day_and_not_its_end(
    since: date | None, until: date | None, held: list[bool]
) -> None:
    days = [date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)]
    assert [is_in_force(since, until, day) for day in days] == held


@pytest.mark.parametrize(
    ("since", "until"),
    [(None, None), (None, date(2026, 11, 24)), (date(2026, 11, 24), None), (date(2026, 11, 24), date(2026, 11, 25))],
)
def test_a_validity_may_be_open_on_either_side(since: date | None, until: date | None) -> None:
    check_validity(since, until)


@pytest.mark.parametrize("until", [date(2026, 11, 23), date(2026, 11, 24)])
def test_a_validity_that_holds_nothing_is_refused(until: date) -> None:
    with pytest.raises(ValueError, match="effective_to must be later than effective_from"):
        check_validity(date(2026, 11, 24), until)
