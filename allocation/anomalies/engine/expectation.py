"""What the days before a day let expect of it: its series' level, its weekday, and the scale of what varies."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import exp, log, pi, sqrt
from statistics import fmean, median

NINE_PLACES = Decimal("1e-9")
# About 2 × 10^17, which with nine places still fits a Decimal: series that jump by powers of ten expect no more.
LOGARITHM_MAX = 40.0
WEEK = timedelta(days=7)
SEASON_DAYS = 56
LEVEL_DAYS = 21
# Standard deviations per median absolute deviation, of a normal distribution.
PER_MAD = 1.4826
# Lower bound of the scale, in logarithms: no series is taken to vary by less than about 4 %.
SCALE_MIN = 0.04
# Weeks of history before a weekday has a season of its own, or counts as a day off.
WEEKS_MIN = 4
# A weekday is a day off where chance would leave it without use less often than once in so many series.
CHANCE_MAX = 1e-5
# A day off becomes anomalous from this share of a usual day's use.
OFF_DAY_SHARE = 0.25
OFF_DAYS_LOOKED_AT = 2 * SEASON_DAYS
# Standard deviations per mean absolute deviation, of a normal distribution.
PER_MEAN = 1.2533

Series = Mapping[date, Decimal]
# (first day, last day)
Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Level and scale of a day's logarithm. Of a day off nothing is expected; `level` is then that of other days.
    `season` is by weekday, in logarithms.
    """

    level: float
    scale: float
    history_days: int
    is_day_off: bool = False
    season: Sequence[float] = (0.0,) * 7
    month_days: int = 0

    def at(self, deviations: float) -> Decimal:
        """The amount so many deviations above the expected one."""
        if self.is_day_off:
            return _amount(log(OFF_DAY_SHARE) + self.level) if deviations else Decimal(0)
        return _amount(self.level + deviations * self.scale)

    def score(self, observed: Decimal, score_min: float) -> float:
        if observed <= 0:
            return 0.0
        if self.is_day_off:
            return score_min * float(observed) / (OFF_DAY_SHARE * exp(self.level))
        return max((log(observed) - self.level) / self.scale, 0.0)


def _logs(series: Series) -> dict[date, float]:
    return {day: log(value) for day, value in series.items() if value > 0}


def _amount(logarithm: float) -> Decimal:
    return Decimal(exp(min(logarithm, LOGARITHM_MAX))).quantize(NINE_PLACES)


class History:
    """The days of a series that tell what is usual: all but those that were anomalous. Where people accepted a rise as
    usual, the days before it count as if they had lain on its level, so that weekdays and variation stay known. `whole`
    is the series with what is told of elsewhere, from which the days of a month are learned.
    """

    def __init__(
        self,
        series: Series,
        *,
        anomalous: Iterable[date] = (),
        accepted: Iterable[Span] = (),
        whole: Series | None = None,
    ) -> None:
        self.known = series.keys()
        self.days = sorted(series)
        self.logs = _logs(series)
        self.whole_logs = self.logs if whole is None else _logs(whole)
        self.anomalous = set(anomalous)
        self.lifts = [(first, self._lift(first, last)) for first, last in accepted]

    def window(self, day: date, count: int) -> list[date]:
        """The last `count` usual days before `day`, in order."""
        window: list[date] = []
        place = bisect_left(self.days, day)
        while place and len(window) < count:
            place -= 1
            if self.days[place] not in self.anomalous:
                window.append(self.days[place])
        window.reverse()
        return window

    def log_of(self, past: date, day: date) -> float:
        """The logarithm of what was used on `past`, on the level that is usual on `day`."""
        value = self.logs[past]
        for first, lift in self.lifts:
            if past < first < day:
                value += lift
        return value

    def _lift(self, first: date, last: date) -> float:
        place = bisect_left(self.days, first)
        before = [past for past in self.days[max(place - SEASON_DAYS, 0) : place] if past in self.logs]
        if not before:
            return 0.0
        middle = median(self.logs[past] for past in before)
        by_weekday: dict[int, list[float]] = {}
        for past in before:
            by_weekday.setdefault(past.weekday(), []).append(self.logs[past])
        steps = [
            self.logs[day] - (median(by_weekday[day.weekday()]) if day.weekday() in by_weekday else middle)
            for day in self.days[place:]
            if day <= last and day in self.logs
        ]
        return max(median(steps), 0.0) if steps else 0.0


def expectation(
    history: History, day: date, *, history_days_min: int, season_days: int = SEASON_DAYS, level_days: int = LEVEL_DAYS
) -> Expectation | int:
    """What the season before `day` predicts for it; with too little history, the number of days of use instead. A day
    of use is compared with days of use alone, on a logarithmic scale.
    """
    window = history.window(day, season_days)
    points = [(past, history.log_of(past, day)) for past in window if past in history.logs]
    if len(points) < history_days_min:
        return len(points)
    season, weeks = _season(points, day)
    level_from = window[-level_days:][0]
    plain = [(past, value - season[past.weekday()]) for past, value in points]
    recent = [value for past, value in plain if past >= level_from]
    if len(recent) < WEEKS_MIN:
        recent = [value for _past, value in plain]
    level = median(recent)
    # Three weeks know what is new and eight are surer; the larger of both would be too large on most days.
    recently, by_weeks = PER_MAD * median(abs(value - level) for value in recent), _by_weeks(points)
    scale = max((recently + by_weeks) / 2 if by_weeks else recently, SCALE_MIN)
    if scale == SCALE_MIN:
        # With few calls a day most days are equal: then the median deviation says nothing, and the mean holds.
        scale = max(PER_MEAN * fmean(abs(value - level) for _past, value in plain), SCALE_MIN)
    # A prediction from few days is uncertain: the median of n values has pi/2n of the variance of a single value.
    scale *= sqrt(1 + pi / 2 / len(recent) + (pi / 2 / weeks if weeks else 0))
    is_day_off = _is_day_off(history, day)
    return Expectation(level + season[day.weekday()], scale, len(points), is_day_off, season)


def _is_day_off(history: History, day: date) -> bool:
    """Whether sixteen weeks say that nothing is used on its weekday: none of them was used, be it told of as anomalous,
    and too many are known for that to be chance where days of other weekdays are without use, too.
    """
    known = history.days[: bisect_left(history.days, day)][-OFF_DAYS_LOOKED_AT:]
    known = known[next((place for place, past in enumerate(known) if past in history.logs), len(known)) :]
    weekdays_of_use = {past.weekday() for past in known if past in history.logs}
    off = sum(past.weekday() == day.weekday() for past in known)
    if day.weekday() in weekdays_of_use or off < WEEKS_MIN:
        return False
    others = [past in history.logs for past in known if past.weekday() in weekdays_of_use]
    idle = (others.count(False) + 1) / (len(others) + 2)
    return idle**off <= CHANCE_MAX


def _season(points: Sequence[tuple[date, float]], day: date) -> tuple[Sequence[float], int]:
    """By weekday, its median deviation from the middle of its own week, and the number of weeks known: 0 where too few.
    Comparing within a week keeps growth and new levels out of the season.
    """
    by_weekday: dict[int, list[float]] = {}
    for week in by_week(points, day):
        middle = median(value for _past, value in week)
        for past, value in week:
            by_weekday.setdefault(past.weekday(), []).append(value - middle)
    weeks = min(len(values) for values in by_weekday.values())
    if weeks < WEEKS_MIN:
        return (0.0,) * 7, 0
    return tuple(median(by_weekday.get(weekday, [0.0])) for weekday in range(7)), weeks


def by_week(points: Sequence[tuple[date, float]], day: date) -> Iterable[Sequence[tuple[date, float]]]:
    """The points of each week, counted back from `day`."""
    weeks: dict[int, list[tuple[date, float]]] = {}
    for past, value in points:
        weeks.setdefault((day - past).days // 7, []).append((past, value))
    return weeks.values()


def _by_weeks(points: Sequence[tuple[date, float]]) -> float:
    """The scale of random variation, from differences between a day and the day a week before: needs no season."""
    values = dict(points)
    steps = [value - values[past - WEEK] for past, value in points if past - WEEK in values]
    if not steps:
        return 0.0
    middle = median(steps)
    return PER_MAD * median(abs(step - middle) for step in steps) / sqrt(2)
