"""Two periods of whole UTC days, one compared with the other."""

from dataclasses import dataclass
from datetime import date

from governance.calendar.engine import DAY, first_of_month, month_after, month_before


@dataclass(frozen=True, slots=True, order=True)
class ComparedPeriod:
    """[since, until), in UTC days."""

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
class ComparedPeriods:
    """`after` is the period a variance explains, `before` the one it is compared with; they may overlap."""

    before: ComparedPeriod
    after: ComparedPeriod


def month(day: date) -> ComparedPeriod:
    """The calendar month that holds `day`."""
    return ComparedPeriod(first_of_month(day), month_after(day))


def last_month(day: date) -> ComparedPeriod:
    """The calendar month before the one that holds `day`."""
    return month(month_before(day))


def period_before(period: ComparedPeriod) -> ComparedPeriod:
    """What a period is compared with by default: the month before a month, else as many days right before it."""
    if period.is_month:
        return last_month(period.since)
    return ComparedPeriod(period.since - DAY * period.days, period.since)
