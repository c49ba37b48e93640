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
    """`after` is the period a variance explains, `before` the one it is compared with; they may overlap. `running` is
    the whole of a period that is not over, of which `after` holds the days so far.
    """

    before: ComparedPeriod
    after: ComparedPeriod
    running: ComparedPeriod | None = None

    @property
    def note(self) -> str:
        """A sentence where the period still runs, else nothing."""
        if self.running is None:
            return ""
        days = f"{self.after.days} days" if self.after.days > 1 else "day"
        is_start = self.before.since == first_of_month(self.before.since) and self.running.is_month
        against = f"the first {days} of {self.before.since:%Y-%m}" if is_start else f"{self.before}"
        return f"{self.running} still runs: its first {days} so far, until {self.after.last_day}, against {against}."


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


def comparable(after: ComparedPeriod, before: ComparedPeriod | None, *, today: date) -> ComparedPeriods:
    """`after` and what it is compared with (`before`, or what comes before it). Of a period that still runs at the
    start of `today` only the days that are over are compared, with as many days: the first ones, or where there are
    fewer, those right before.
    """
    against = before or period_before(after)
    if after.until <= today:
        return ComparedPeriods(against, after)
    so_far = ComparedPeriod(after.since, today)
    if before is not None or against.days >= so_far.days:
        days = min(against.days, so_far.days)
        return ComparedPeriods(
            ComparedPeriod(against.since, against.since + DAY * days),
            ComparedPeriod(after.since, after.since + DAY * days),
            after,
        )
    return ComparedPeriods(period_before(so_far), so_far, after)
