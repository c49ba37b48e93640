"""Days of a month that are high every month, such as the batch of the last working day: the second is learned from."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import pi, sqrt
from statistics import median

from allocation.anomalies.engine.expectation import PER_MAD, Expectation, History
from governance.calendar.engine import DAY, first_of_month, month_after, month_before

MONTHS_BACK = 3
# Days needed before the judged one, so that three months can be looked at with the days around them.
MONTH_HISTORY_DAYS = 110
REPEATED_MIN = 2
# A day is compared with the days around it, but not with the days of the same batch.
AROUND = timedelta(days=10)
BATCH = timedelta(days=3)
AROUND_MIN = 7
STANDS_OUT = 2.0
SATURDAY = 5
MonthDay = Callable[[date], date | None]


def with_month_days(
    expected: Expectation, history: History, day: date, *, foreseen: Collection[date] = ()
) -> Expectation:
    """`expected` raised by what the same day of earlier months rose by: of at least two of the last three months, or
    of one that people said was planned or no anomaly (`foreseen`). Unchanged where no such day repeats itself, or
    nothing was used on `day`.
    """
    if day not in history.logs:
        return expected
    least = STANDS_OUT * expected.scale
    repeated = max(
        (_rises(month_day, expected, history, day, foreseen, least) for month_day in _month_days(day)),
        key=lambda rises: (len(rises), sum(rises)),
    )
    if not repeated:
        return expected
    middle = median(repeated)
    spread = PER_MAD * median(abs(rise - middle) for rise in repeated)
    scale = max(expected.scale, spread) * sqrt(1 + pi / 2 / len(repeated))
    return replace(expected, level=expected.level + middle, scale=scale, is_day_off=False, month_days=len(repeated))


def same_month_day(past: date, day: date) -> bool:
    """Whether they lie in the same place of different months: from the start or the end, in days or working days."""
    if first_of_month(past) == first_of_month(day):
        return False
    return any(month_day(first_of_month(past)) == past for month_day in _month_days(day))


def _month_days(day: date) -> list[MonthDay]:
    """The ways in which a day lies in its month: from its start or its end, in days or in working days."""
    start, end = first_of_month(day), month_after(day)
    after, before = (day - start).days, (end - day).days
    ways: list[MonthDay] = [
        lambda first: _within(first + DAY * after, first),
        lambda first: _within(month_after(first) - DAY * before, first),
    ]
    if day.weekday() < SATURDAY:
        from_start, from_end = _working_days(start, day), _working_days(day, end)
        ways += [
            lambda first: _working_day(first, from_start),
            lambda first: _working_day(first, -from_end),
        ]
    return ways


def _within(day: date, first: date) -> date | None:
    return day if first_of_month(day) == first else None


def _working_days(since: date, until: date) -> int:
    return sum((since + DAY * number).weekday() < SATURDAY for number in range((until - since).days))


def _working_day(first: date, place: int) -> date | None:
    """The working day of the month at `place`, counted as in a list: from 0 at the start, from -1 at the end."""
    length = (month_after(first) - first).days
    days = [day for number in range(length) if (day := first + DAY * number).weekday() < SATURDAY]
    return days[place] if -len(days) <= place < len(days) else None


def _rises(
    month_day: MonthDay, expected: Expectation, history: History, day: date, foreseen: Collection[date], least: float
) -> Sequence[float]:
    """How far this day of the last months lay above the days around it, where at least twice by `least`, or once where
    on that day of the other months nothing was used, as at a weekend.
    """
    first, rises, weight = first_of_month(day), [], 0
    for _number in range(MONTHS_BACK):
        first = month_before(first)
        past = month_day(first)
        if past is None:
            continue
        rise = _rise(past, expected.season, history, day)
        if rise is not None and rise >= least:
            rises.append(rise)
            weight += REPEATED_MIN if past in foreseen else 1
        elif _is_idle(past, history, day):
            weight += 1
    return rises if weight >= REPEATED_MIN else ()


def _is_idle(past: date, history: History, day: date) -> bool:
    """Whether nothing was used on a day among days of use."""
    return past in history.known and past not in history.whole_logs and _around(past, history, day) is not None


def _rise(past: date, season: Sequence[float], history: History, day: date) -> float | None:
    if past not in history.whole_logs:
        return None
    around = _around(past, history, day)
    if around is None:
        return None
    usual = median(history.whole_logs[near] - season[near.weekday()] for near in around)
    return history.whole_logs[past] - season[past.weekday()] - usual


def _around(past: date, history: History, day: date) -> list[date] | None:
    """The days of use around `past` and before `day`; None where too few are known."""
    since, until = bisect_left(history.days, past - AROUND), bisect_right(history.days, past + AROUND)
    around = [
        near
        for near in history.days[since:until]
        if near in history.whole_logs and near < day and abs(near - past) > BATCH
    ]
    return around if len(around) >= AROUND_MIN else None
