"""Anomalous days of a daily series: far above what their weekday and the series' level predict.

A day is judged by the days before it alone, so its verdict does not change with later days. Scores and levels are
estimates and computed as floats; observed amounts stay exact, and expected amounts are rounded to 9 places.
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
# Lower bound of the scale, in logarithms: no series is taken to vary by less than about 5 %.
SCALE_MIN = 0.05
# Weeks of history before a weekday has a season of its own, or counts as a day off.
WEEKS_MIN = 4
# Days off are recognised only where at least this share of the other days had use.
REGULAR_FROM = 0.75
# A day off becomes anomalous from this share of a usual day's use.
OFF_DAY_SHARE = 0.25

Series = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a day is anomalous: at least `excess_min` (in the series' unit) above expected, by at least
    `excess_share_min` of it, with a score of `score_min` or more; no verdict with fewer days of use than
    `history_days_min`.
    """

    excess_min: Decimal
    excess_share_min: Decimal = Decimal("0.25")
    score_min: float = 4.5
    history_days_min: int = 14
    season_days: int = SEASON_DAYS
    level_days: int = 21


class Verdict(StrEnum):
    """`NONE`: no data of the day, or too little history."""

    ANOMALOUS = "anomalous"
    NORMAL = "normal"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """A day with its verdict. `expected` and `high` (above which it is anomalous) are None without a verdict, and for
    days with too little use to matter; `observed` is None without data. `score` is in robust deviations.
    """

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
class AnomalousSpan:
    """Consecutive anomalous days; days without a verdict between them neither extend nor end the span."""

    days: tuple[JudgedDay, ...]
    is_over: bool

    @property
    def first_day(self) -> date:
        return self.days[0].day

    @property
    def last_day(self) -> date:
        return self.days[-1].day

    @property
    def worst(self) -> JudgedDay:
        return max(self.days, key=lambda judged: (judged.score, judged.day))


@dataclass(frozen=True, slots=True)
class Expectation:
    """Level and scale of a day's logarithm. Of a day off nothing is expected; `level` is then that of other days."""

    level: float
    scale: float
    history_days: int
    is_day_off: bool = False

    def at(self, deviations: float) -> Decimal:
        """The amount so many deviations above the expected one."""
        if self.is_day_off:
            return _nine_places(OFF_DAY_SHARE * exp(self.level)) if deviations else Decimal(0)
        return _nine_places(exp(self.level + deviations * self.scale))

    def score(self, observed: Decimal, score_min: float) -> float:
        if observed <= 0:
            return 0.0
        if self.is_day_off:
            return score_min * float(observed) / (OFF_DAY_SHARE * exp(self.level))
        return max((log(observed) - self.level) / self.scale, 0.0)


def _nine_places(value: float) -> Decimal:
    return Decimal(value).quantize(NINE_PLACES)


def judge_day(series: Series, day: date, thresholds: Thresholds) -> JudgedDay:
    """The verdict on `day`. A day missing from `series` has no data, so no verdict; one with 0 was without use."""
    observed = series.get(day)
    if observed is None:
        return JudgedDay(day, Verdict.NONE, None, reason="no data of that day")
    if observed <= thresholds.excess_min:
        return JudgedDay(day, Verdict.NORMAL, observed, reason="too little to matter")
    known = expectation(series, day, thresholds)
    if isinstance(known, int):
        return JudgedDay(
            day, Verdict.NONE, observed, reason=f"{known} days of use before it, {thresholds.history_days_min} needed"
        )
    expected, score = known.at(0), known.score(observed, thresholds.score_min)
    high = max(
        known.at(thresholds.score_min), expected * (1 + thresholds.excess_share_min), expected + thresholds.excess_min
    )
    is_anomalous = observed > high and score >= thresholds.score_min
    judged = JudgedDay(day, Verdict.ANOMALOUS if is_anomalous else Verdict.NORMAL, observed, expected, high, score)
    return replace(judged, reason=_reason(judged, known)) if is_anomalous else judged


def _reason(judged: JudgedDay, known: Expectation) -> str:
    times = f", {judged.observed / judged.expected:.1f} times as much" if judged.observed and judged.expected else ""
    return (
        f"{judged.observed:,.2f} on {judged.day}; {judged.expected:,.2f} was expected on a {judged.day:%A}, from"
        f" {known.history_days} earlier days of use{times}; score {judged.score:.1f}."
    )


def judge_days(series: Series, days: Iterable[date], thresholds: Thresholds) -> list[JudgedDay]:
    """The verdicts on `days`, in the order of days."""
    return [judge_day(series, day, thresholds) for day in sorted(days)]


def anomalous_spans(judged: Sequence[JudgedDay]) -> list[AnomalousSpan]:
    """Spans of anomalous days; `judged` holds every day in order. The last span is over once a normal day follows."""
    spans: list[list[JudgedDay]] = []
    open_ = False
    for judged_day in judged:
        match judged_day.verdict:
            case Verdict.ANOMALOUS:
                if not open_:
                    spans.append([])
                spans[-1].append(judged_day)
                open_ = True
            case Verdict.NORMAL:
                open_ = False
            case Verdict.NONE:
                pass
    return [AnomalousSpan(tuple(days), is_over=not open_ or place < len(spans) - 1) for place, days in enumerate(spans)]


def expectation(series: Series, day: date, thresholds: Thresholds) -> Expectation | int:
    """What the season before `day` predicts for it; with too little history, the number of days of use instead. A day
    of use is compared with days of use alone, on a logarithmic scale.
    """
    window = [past for back in range(thresholds.season_days, 0, -1) if (past := day - DAY * back) in series]
    points = [(past, log(series[past])) for past in window if series[past] > 0]
    if len(points) < thresholds.history_days_min:
        return len(points)
    season, weeks = _season(points, day)
    level_from = day - DAY * thresholds.level_days
    plain = [(past, value - season[past.weekday()]) for past, value in points]
    recent = [value for past, value in plain if past >= level_from]
    if len(recent) < WEEKS_MIN:
        recent = [value for _past, value in plain]
    level = median(recent)
    scale = max(PER_MAD * median(abs(value - level) for value in recent), _by_weeks(points), SCALE_MIN)
    # A prediction from few days is uncertain: the median of n values has pi/2n of the variance of a single value.
    scale *= sqrt(1 + pi / 2 / len(recent) + (pi / 2 / weeks if weeks else 0))
    is_day_off = _is_day_off(day, [past for past in window if past >= points[0][0]], points)
    return Expectation(level + season[day.weekday()], scale, len(points), is_day_off)


def _is_day_off(day: date, known: Sequence[date], points: Sequence[tuple[date, float]]) -> bool:
    used = {past for past, _value in points}
    same_weekday = [past for past in known if past.weekday() == day.weekday()]
    weekdays_off = {weekday for weekday in range(7) if not any(past.weekday() == weekday for past in used)}
    working_days = [past for past in known if past.weekday() not in weekdays_off]
    return (
        day.weekday() in weekdays_off
        and len(same_weekday) >= WEEKS_MIN
        and len(used) >= REGULAR_FROM * len(working_days)
    )


def _season(points: Sequence[tuple[date, float]], day: date) -> tuple[Sequence[float], int]:
    """By weekday, its median deviation from the middle of its own week, and the number of weeks known: 0 where too few.
    Comparing within a week keeps growth and new levels out of the season.
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
    """The scale of random variation, from differences between a day and the day a week before: needs no season."""
    values = dict(points)
    steps = [value - values[past - WEEK] for past, value in points if past - WEEK in values]
    if not steps:
        return 0.0
    middle = median(steps)
    return PER_MAD * median(abs(step - middle) for step in steps) / sqrt(2)
