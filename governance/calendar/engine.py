"""Days, months and validities, all in UTC and half-open: from the first instant or day to before the last one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from typing import TypeVar

MONTHS_A_YEAR = 12
DAY = timedelta(days=1)
WhenT = TypeVar("WhenT", date, datetime)


def midnight(day: date) -> datetime:
    """The instant at which the day begins; the day before ends at it."""
    return datetime.combine(day, time(), UTC)


def day_of(at: datetime) -> date:
    """The UTC day of an aware instant, whatever zone it is written in."""
    return at.astimezone(UTC).date()


def first_of_month(day: date) -> date:
    """The first day of the day's month."""
    return date(day.year, day.month, 1)


def month_after(day: date, months: int = 1) -> date:
    """The first day of the month that comes `months` after the day's own; before it for a negative number.
    OverflowError, as of other sums with dates, beyond the years 1 to 9999.
    """
    number = day.year * MONTHS_A_YEAR + day.month - 1 + months
    if not MINYEAR <= number // MONTHS_A_YEAR <= MAXYEAR:
        raise OverflowError(f"there is no month {months} after {day}")
    return date(number // MONTHS_A_YEAR, number % MONTHS_A_YEAR + 1, 1)


def month_before(day: date) -> date:
    """The first day of the month before the day's own."""
    return month_after(day, -1)


def days_from(since: date, until: date) -> Iterator[date]:
    """Every day of [since, until)."""
    for number in range((until - since).days):
        yield since + number * DAY


def is_in_force(since: WhenT | None, until: WhenT | None, at: WhenT) -> bool:
    """Whether `at` lies in [since, until); None is without a bound. `governance.calendar.queries.in_force` is the same
    in SQL.
    """
    return (since is None or since <= at) and (until is None or at < until)


def check_validity(since: WhenT | None, until: WhenT | None) -> None:
    """For documents: ValueError unless `until` is later than `since`; None is without a bound."""
    if since is not None and until is not None and until <= since:
        raise ValueError("effective_to must be later than effective_from: the validity is half-open")
