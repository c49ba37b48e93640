"""What happens in the demonstration's year: a launch, a cheaper model, reserved GPUs, a broken cache, a loop."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from governance.calendar.engine import DAY, days_from, first_of_month

# How much of its present traffic a workload had in each of the twelve months, in percent; the last is the running one.
GROWING = (55, 58, 62, 66, 70, 74, 78, 83, 88, 92, 96, 100)
FROM_ITS_LAUNCH = (0, 0, 0, 0, 8, 20, 38, 55, 70, 82, 92, 100)
SINCE_IT_IS_CHEAPER = (32, 33, 34, 35, 36, 37, 55, 70, 82, 90, 95, 100)
SINCE_IT_IS_RESERVED = (0, 0, 0, 0, 0, 0, 60, 80, 90, 100, 100, 100)
MONTHS = len(GROWING)
# The days of last month, from the 8th on, on which the coding agent's prompts did not come from the cache.
BROKEN_FROM, BROKEN_DAYS = 8, 9
SPIKE_DAYS, SPIKE = 2, 6


@dataclass(frozen=True, slots=True)
class Year:
    """The `months` months that end with the one of `at`; the last months of the story where they are fewer than 12."""

    at: datetime
    months: int = MONTHS

    @property
    def starts(self) -> tuple[date, ...]:
        """The first day of each month."""
        start = first_of_month(self.at)
        found = [start]
        while len(found) < self.months:
            found.append(first_of_month(found[-1] - DAY))
        return tuple(reversed(found))

    @property
    def first_day(self) -> date:
        return self.starts[0]

    def started(self, months_ago: int) -> date:
        """The first day of the month so many months before the running one."""
        day = first_of_month(self.at)
        for _ in range(months_ago):
            day = first_of_month(day - DAY)
        return day

    @property
    def agent_launched(self) -> date:
        return self.started(7)

    @property
    def price_cut(self) -> date:
        """From then on the in-house completion model costs half."""
        return self.started(5)

    @property
    def gpus_reserved(self) -> date:
        return self.started(5)

    def percent(self, levels: tuple[int, ...], day: date) -> int:
        """The traffic of the day's month, in percent of today's."""
        age = (self.at.year - day.year) * 12 + self.at.month - day.month
        return levels[max(len(levels) - 1 - age, 0)]

    def is_cache_broken(self, day: date) -> bool:
        first = self.started(1) + timedelta(days=BROKEN_FROM - 1)
        return first <= day < first + timedelta(days=BROKEN_DAYS)

    def is_spike(self, day: date) -> bool:
        """On the last whole days somebody in research lets a loop run."""
        return self.at.date() - timedelta(days=SPIKE_DAYS) <= day < self.at.date()

    def days(self, until: date) -> list[date]:
        """From the first day on, without `until`."""
        return list(days_from(self.first_day, until))
