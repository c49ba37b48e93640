"""Days of a month that are high every month."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest

from allocation.anomalies.engine.anomalies import EarlierDays, Thresholds, Verdict, judge_days

DAY = timedelta(days=1)
THRESHOLDS = Thresholds(excess_min=Decimal(10))
FIRST, LAST = date(2026, 6, 1), date(2026, 12, 1)


def used(is_high: Callable[[date], bool], *, times: int = 5, last: int | None = None) -> dict[date, Decimal]:
    """100 a day that wobbles by a few per cent, `times` as much on days that are high; `last` times on the last."""
    days = [FIRST + DAY * number for number in range((LAST - FIRST).days + 1)]
    high = [day for day in days if is_high(day)]
    factors = dict.fromkeys(high, times) | ({high[-1]: last} if last else {})
    return {day: Decimal(100 + day.toordinal() * 37 % 11) * factors.get(day, 1) for day in days}


def told(series: dict[date, Decimal], earlier: EarlierDays = EarlierDays()) -> list[date]:  # noqa: B008  # frozen
    days = [day for day in sorted(series) if day >= date(2026, 7, 10)]
    return [day.day for day in judge_days(series, days, THRESHOLDS, earlier) if day.verdict == Verdict.ANOMALOUS]


@pytest.mark.parametrize(
    "is_high",
    [
        pytest.param(lambda day: (day + DAY).day == 1, id="the last day"),
        pytest.param(lambda day: day.day == 15, id="the fifteenth"),
        pytest.param(lambda day: day.day == 1, id="the first"),
        pytest.param(
            lambda day: f"{day:%m-%d}" in {"07-31", "08-31", "09-30", "10-30", "11-30"},
            id="the last working day, once not the last day",
        ),
    ],
)  # fmt: skip
def test_the_third_month_is_no_surprise(is_high: Callable[[date], bool]) -> None:
    series = used(is_high)
    high = [day for day in sorted(series) if is_high(day)]
    wanted = [day for day in high if day >= date(2026, 7, 10)]
    known_before = len(high) - len(wanted)
    assert told(series) == wanted[: 2 - known_before]


def test_a_month_day_that_was_foreseen_is_known_the_next_month() -> None:
    series = used(lambda day: (day + DAY).day == 1 and day.month > 6)
    assert told(series) == [date(2026, 7, 31), date(2026, 8, 31)]
    assert told(series, EarlierDays(foreseen=frozenset({date(2026, 7, 31)}))) == [date(2026, 7, 31)]


def test_far_more_than_in_other_months_is_told() -> None:
    assert told(used(lambda day: day.day == 20, last=30))[-1] == date(2026, 11, 20)


def test_a_spike_on_another_day_is_told() -> None:
    series = used(lambda day: (day + DAY).day == 1)
    assert date(2026, 11, 19) in told(series | {date(2026, 11, 19): Decimal(600)})


def test_a_batch_that_varies_is_no_surprise_when_it_is_more_than_twice_another() -> None:
    series = used(lambda day: day.day == 20, times=2)
    varied = series | {date(2026, 9, 20): Decimal(180), date(2026, 11, 20): Decimal(560)}
    assert told(varied)[2:] == []


def test_a_day_that_fell_on_a_day_off_is_known_from_the_month_in_which_it_did_not() -> None:
    """The first of the month, where nothing is used at weekends: of August it lies on one, and June is not known."""
    series = {
        day: Decimal(0) if day.weekday() > 4 else value
        for day, value in used(lambda day: day.day == 1).items()
        if day > date(2026, 6, 9)
    }
    assert told(series) == []
