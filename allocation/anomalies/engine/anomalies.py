"""Days on which a series rose far above what its weekday and level lead one to expect.

A day is judged by the days before it alone, so that what is said of it does not change as time goes on. Scores and
levels are estimates and computed as floats; what was observed stays exact, and the expected amount is cut to 9 places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from math import exp, log, pi, sqrt
from statistics import median

from governance.calendar.engine import DAY

METHOD = "weekday-mad-1"
WEEK = timedelta(days=7)
NINE_PLACES = Decimal("1e-9")
SEASON_DAYS = 56
# Standard deviations per median absolute deviation, of a normal distribution.
PER_MAD = 1.4826
# No series is steadier than this twentieth.
SCALE_MIN = 0.05
# A weekday is known from so many weeks on; it is a day off where none of them had use and most other days have.
WEEKS_MIN = 4
REGULAR_FROM = 0.75
# What part of a usual day's use makes a day off one of use.
OFF_DAY_SHARE = 0.25

Series = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class Terms:
    """`excess_min` is in the series' own unit: what is less is not worth anybody's time."""

    excess_min: Decimal
    excess_share_min: Decimal = Decimal("0.25")
    score_min: float = 4.5
    history_days_min: int = 14
    season_days: int = SEASON_DAYS
    level_days: int = 21


class Verdict(StrEnum):
    ANOMALOUS = "anomalous"
    NORMAL = "normal"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """`expected` and `high` (above which the day is anomalous) are None where there is no verdict to give."""

    day: date
    verdict: Verdict
    observed: Decimal | None
    expected: Decimal | None = None
    high: Decimal | None = None
    score: float = 0.0
    reason: str = ""

    @property
    def excess(self) -> Decimal:
        return (self.observed or Decimal(0)) - (self.expected or Decimal(0))


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Anomalous days in a row; days without a verdict between them neither add to it nor end it."""

    days: tuple[Judged, ...]
    is_over: bool

    @property
    def first_day(self) -> date:
        return self.days[0].day

    @property
    def last_day(self) -> date:
        return self.days[-1].day

    @property
    def worst(self) -> Judged:
        return max(self.days, key=lambda judged: (judged.score, judged.day))


@dataclass(frozen=True, slots=True)
class Expectation:
    """Of a day of use: `level` and `scale` of its logarithm. Of a day off: nothing, while `level` is other days'."""

    level: float
    scale: float
    history_days: int
    is_day_off: bool = False

    def at(self, deviations: float) -> Decimal:
        if self.is_day_off:
            return _cut(OFF_DAY_SHARE * exp(self.level)) if deviations else Decimal(0)
        return _cut(exp(self.level + deviations * self.scale))

    def score(self, observed: Decimal, score_min: float) -> float:
        if observed <= 0:
            return 0.0
        if self.is_day_off:
            return score_min * float(observed) / (OFF_DAY_SHARE * exp(self.level))
        return max((log(observed) - self.level) / self.scale, 0.0)


def _cut(value: float) -> Decimal:
    return Decimal(value).quantize(NINE_PLACES)


def judge(series: Series, day: date, terms: Terms) -> Judged:
    """A day that `series` does not hold has no data: there is no verdict. One that holds 0 was without use."""
    observed = series.get(day)
    if observed is None:
        return Judged(day, Verdict.NONE, None, reason="no data of that day")
    if observed <= terms.excess_min:
        return Judged(day, Verdict.NORMAL, observed, reason="too little to matter")
    known = expectation(series, day, terms)
    if isinstance(known, int):
        return Judged(
            day, Verdict.NONE, observed, reason=f"{known} days of use before it, {terms.history_days_min} needed"
        )
    expected, score = known.at(0), known.score(observed, terms.score_min)
    high = max(known.at(terms.score_min), expected * (1 + terms.excess_share_min), expected + terms.excess_min)
    is_anomalous = observed > high and score >= terms.score_min
    judged = Judged(day, Verdict.ANOMALOUS if is_anomalous else Verdict.NORMAL, observed, expected, high, score)
    return replace(judged, reason=_reason(judged, known)) if is_anomalous else judged


def _reason(judged: Judged, known: Expectation) -> str:
    times = f", {judged.observed / judged.expected:.1f} times as much" if judged.observed and judged.expected else ""
    return (
        f"{judged.observed:,.2f} on {judged.day} where {judged.expected:,.2f} was to be expected of {judged.day:%A}s"
        f" from {known.history_days} days before{times}; score {judged.score:.1f}."
    )


def judge_all(series: Series, days: Iterable[date], terms: Terms) -> list[Judged]:
    """In the order of days."""
    return [judge(series, day, terms) for day in sorted(days)]


def anomalies(judged: Sequence[Judged]) -> list[Anomaly]:
    """`judged` in the order of days, without leaving days out. The last is not over until a normal day follows."""
    found: list[list[Judged]] = []
    open_ = False
    for one in judged:
        match one.verdict:
            case Verdict.ANOMALOUS:
                if not open_:
                    found.append([])
                found[-1].append(one)
                open_ = True
            case Verdict.NORMAL:
                open_ = False
            case Verdict.NONE:
                pass
    return [Anomaly(tuple(days), is_over=not open_ or place < len(found) - 1) for place, days in enumerate(found)]


def expectation(series: Series, day: date, terms: Terms) -> Expectation | int:
    """Or, where that is too little, how many days of use there are before it. A day of use is compared with days of
    use, by factors: days without use say nothing of how much a day of use costs.
    """
    window = [past for back in range(terms.season_days, 0, -1) if (past := day - DAY * back) in series]
    points = [(past, log(series[past])) for past in window if series[past] > 0]
    if len(points) < terms.history_days_min:
        return len(points)
    season, weeks = _season(points, day)
    level_from = day - DAY * terms.level_days
    plain = [(past, value - season[past.weekday()]) for past, value in points]
    recent = [value for past, value in plain if past >= level_from]
    if len(recent) < WEEKS_MIN:
        recent = [value for _past, value in plain]
    level = median(recent)
    scale = max(PER_MAD * median(abs(value - level) for value in recent), _by_weeks(points), SCALE_MIN)
    # What is predicted from few days is itself uncertain: a median of n has pi/2n of the variance of one value.
    scale *= sqrt(1 + pi / 2 / len(recent) + (pi / 2 / weeks if weeks else 0))
    is_day_off = _is_day_off(day, [past for past in window if past >= points[0][0]], points)
    return Expectation(level + season[day.weekday()], scale, len(points), is_day_off)


def _is_day_off(day: date, known: Sequence[date], points: Sequence[tuple[date, float]]) -> bool:
    used = {past for past, _value in points}
    alike = [past for past in known if past.weekday() == day.weekday()]
    weekdays_off = {weekday for weekday in range(7) if not any(past.weekday() == weekday for past in used)}
    others = [past for past in known if past.weekday() not in weekdays_off]
    return day.weekday() in weekdays_off and len(alike) >= WEEKS_MIN and len(used) >= REGULAR_FROM * len(others)


def _season(points: Sequence[tuple[date, float]], day: date) -> tuple[Sequence[float], int]:
    """What each weekday with use lies above (or below) its own week, and how many weeks say so: 0 where none does.
    Within a week there is no growth and no new level to be taken for a season.
    """
    by_week: dict[int, list[tuple[int, float]]] = {}
    for past, value in points:
        by_week.setdefault((day - past).days // 7, []).append((past.weekday(), value))
    by_weekday: dict[int, list[float]] = {}
    for week in by_week.values():
        middle = median(value for _weekday, value in week)
        for weekday, value in week:
            by_weekday.setdefault(weekday, []).append(value - middle)
    weeks = min(len(values) for values in by_weekday.values())
    if weeks < WEEKS_MIN:
        return [0.0] * 7, 0
    return [median(by_weekday.get(weekday, [0.0])) for weekday in range(7)], weeks


def _by_weeks(points: Sequence[tuple[date, float]]) -> float:
    """The scale of a day's own chance, from each day and the one a week before: no season has to be known for it."""
    values = dict(points)
    steps = [value - values[past - WEEK] for past, value in points if past - WEEK in values]
    if not steps:
        return 0.0
    middle = median(steps)
    return PER_MAD * median(abs(step - middle) for step in steps) / sqrt(2)
