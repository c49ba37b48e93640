"""Two stretches of whole UTC days, one to be compared with the other."""

from dataclasses import dataclass
from datetime import date

from governance.calendar.engine import DAY, first_of_month, month_after, month_before


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """`since` to before `until`."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    @property
    def last_day(self) -> date:
        return self.until - DAY

    @property
    def is_month(self) -> bool:
        return self == month(self.since)

    def __str__(self) -> str:
        if self.is_month:
            return f"{self.since:%Y-%m}"
        return f"{self.since} to {self.last_day}" if self.days > 1 else str(self.since)


@dataclass(frozen=True, slots=True)
class Periods:
    before: Period
    after: Period


def month(day: date) -> Period:
    """The calendar month that holds `day`."""
    return Period(first_of_month(day), month_after(day))


def last_month(day: date) -> Period:
    """The calendar month before the one that holds `day`."""
    return month(month_before(day))


def period_before(period: Period) -> Period:
    """What one compares a period with: the month before a month, else as many days right before it."""
    if period.is_month:
        return last_month(period.since)
    return Period(period.since - DAY * period.days, period.since)
