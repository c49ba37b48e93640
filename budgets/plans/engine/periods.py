"""Periods in UTC, half-open: a month, quarter or year from its first day to the first day of the next. A year starts in
the month `year_starts`, 1 to 12, and quarters count from it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from governance.calendar.engine import DAY, is_in_force, midnight, month_after

PeriodKind = Literal["month", "quarter", "year"]
JANUARY = 1
MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """UTC days from `start` to before `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - DAY

    @property
    def starts_at(self) -> datetime:
        """The first instant."""
        return midnight(self.start)

    @property
    def ends_at(self) -> datetime:
        """The first instant after the period."""
        return midnight(self.end)

    def contains(self, day: date) -> bool:
        return self.start <= day < self.end

    def covers(self, inner: "Period") -> bool:
        """Whether `inner` lies within this period."""
        return self.start <= inner.start and inner.end <= self.end


def period_of(kind: str, day: date, year_starts: int = JANUARY) -> Period:
    """The period of this kind that contains the day."""
    months = MONTHS[kind]
    start = month_after(day, -((day.month - year_starts) % months))
    return Period(start, month_after(start, months))


def is_first_day(kind: str, day: date, year_starts: int = JANUARY) -> bool:
    """Whether a period of this kind starts on the day."""
    return period_of(kind, day, year_starts).start == day


def lie_within(inner: tuple[str, int], outer: tuple[str, int]) -> bool:
    """Whether each period of the kind and year of `inner` lies within one of `outer`."""
    (inner_kind, inner_year), (outer_kind, outer_year) = inner, outer
    return MONTHS[inner_kind] <= MONTHS[outer_kind] and (outer_year - inner_year) % MONTHS[inner_kind] == 0


def is_longer(kind: str, than: str) -> bool:
    """Whether a period of this kind is longer than one of the kind `than`."""
    return MONTHS[kind] > MONTHS[than]


def period_in_force(
    kind: str, *, starts_on: date, ends_on: date | None, day: date, year_starts: int = JANUARY
) -> Period | None:
    """The period of the day, cut to [starts_on, ends_on); None on a day outside of that."""
    if not is_in_force(starts_on, ends_on, day):
        return None
    whole = period_of(kind, day, year_starts)
    return Period(max(whole.start, starts_on), min(whole.end, ends_on) if ends_on else whole.end)
