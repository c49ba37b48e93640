"""The hours of the day in which a price holds, such as a provider's off-peak hours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class DailyHours:
    """From `start` to before `end` by the clocks of `zone`, every day; over midnight where `end` is the earlier."""

    start: time
    end: time
    zone: ZoneInfo

    def hold(self, at: datetime) -> bool:
        """Whether the instant lies in them."""
        clock = at.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def edges(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """The instants of [since, until] at which they begin or end."""
        day, last = since.astimezone(self.zone).date() - timedelta(days=1), until.astimezone(self.zone).date()
        while day <= last:
            for clock in (self.start, self.end):
                edge = datetime.combine(day, clock, self.zone).astimezone(UTC)
                if since <= edge <= until:
                    yield edge
            day += timedelta(days=1)


def daily_hours(written: str, zone: str) -> DailyHours:
    """Of `16:30-00:30` in a zone such as `Europe/Berlin`. Raises ValueError for what is no hours, none at all, or an
    unknown zone.
    """
    match = WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError("hours are written as 16:30-00:30")
    first, second = (time(int(match[place]), int(match[place + 1])) for place in (1, 3))
    if first == second:
        raise ValueError("hours begin and end at the same time: leave them out for the whole day")
    try:
        return DailyHours(first, second, ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone!r}; write UTC or one such as Europe/Berlin") from None
