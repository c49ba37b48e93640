"""Hours of work by the clocks of one place, and when so many of them have passed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from budgets.approval_rules.documents import WEEKDAYS, WorkingTimeSpec, minutes_of
from governance.calendar.engine import DAY

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """From `begins` to before `ends`, in minutes after midnight by the clocks of `zone`, on `days` of the week (Monday
    is 0) that are not `closed`.
    """

    zone: ZoneInfo
    days: frozenset[int]
    begins: int
    ends: int
    closed: frozenset[date] = frozenset()

    @classmethod
    def of(cls, spec: WorkingTimeSpec) -> "WorkingTime":
        """As a document states it."""
        days = frozenset(WEEKDAYS.index(day) for day in spec.days)
        begins, ends = minutes_of(spec.begins), minutes_of(spec.ends)
        return cls(ZoneInfo(spec.time_zone), days, begins, ends, frozenset(spec.closed_on))

    def stretches(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working time from `since` on, in UTC, day by day, without an end."""
        day = since.astimezone(self.zone).date()
        while True:
            if day.weekday() in self.days and day not in self.closed:
                begin, end = self._instant(day, self.begins), self._instant(day, self.ends)
                if end > since:
                    yield max(begin, since), end
            day += DAY

    def after(self, hours: int, since: datetime) -> datetime:
        """When so many hours of work have passed since. An hour that the clocks leave out is not worked, and one that
        they repeat is worked twice.
        """
        left = timedelta(hours=hours)
        for begin, end in self.stretches(since):
            if begin + left <= end:
                return begin + left
            left -= end - begin
        raise AssertionError  # there is always another day

    def _instant(self, day: date, minutes: int) -> datetime:
        days, rest = divmod(minutes, MINUTES_OF_A_DAY)
        clock = time(rest // 60, rest % 60)
        return datetime.combine(day + days * DAY, clock, self.zone).astimezone(UTC)
