"""Calendar periods in UTC, half-open: a month, quarter or year from its first day to the first day of the next."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

PeriodKind = Literal["month", "quarter", "year"]
MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.start, time.min, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        return datetime.combine(self.end, time.min, tzinfo=UTC)

    def contains(self, day: date) -> bool:
        return self.start <= day < self.end

    def covers(self, other: "Period") -> bool:
        return self.start <= other.start and other.end <= self.end


def period_of(kind: str, day: date) -> Period:
    """The calendar period of this kind that contains the day."""
    months = MONTHS[kind]
    first = (day.month - 1) // months * months + 1
    start = date(day.year, first, 1)
    following = first + months
    end = date(day.year + 1, 1, 1) if following > MONTHS["year"] else date(day.year, following, 1)
    return Period(start, end)


def is_first_day(kind: str, day: date) -> bool:
    return period_of(kind, day).start == day


def is_longer(kind: str, other: str) -> bool:
    return MONTHS[kind] > MONTHS[other]


def period_in_force(kind: str, *, starts_on: date, ends_on: date | None, day: date) -> Period | None:
    """The calendar period of the day, cut to [starts_on, ends_on); None on a day outside of that."""
    if day < starts_on or (ends_on is not None and day >= ends_on):
        return None
    whole = period_of(kind, day)
    return Period(max(whole.start, starts_on), min(whole.end, ends_on) if ends_on else whole.end)
