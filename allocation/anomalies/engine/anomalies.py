"""Anomalous days of a daily series: far above what their weekday and the series' level predict.

A day is judged by the days before it alone, so its verdict does not change with later days. Scores and levels are
estimates and computed as floats; observed amounts stay exact, and expected amounts are rounded to 9 places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from statistics import median

from allocation.anomalies.engine.expectation import (
    LEVEL_DAYS,
    SEASON_DAYS,
    Expectation,
    History,
    Series,
    Span,
    expectation,
)
from allocation.anomalies.engine.month_days import with_month_days
from allocation.anomalies.engine.tails import with_tails

METHOD = "weekday-mad-3"
# Days judged again in each run, for usage that arrives late.
DAYS_JUDGED = 14
# A first day of use is anomalous from this share of what the whole organisation uses on a usual day.
LAUNCH_SHARE = Decimal("0.25")
# Usual days in a row that end a rise: one for each three days it lasted, up to three.
USUAL_DAYS_MAX = 3


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a day is anomalous: at least `excess_min` (in the series' unit) above expected, by at least
    `excess_share_min` of it, with a score of `score_min` or more; no verdict with fewer days of use than
    `history_days_min`. Where nothing was used before, a day is anomalous from the amount that `launch_min` gives for
    it, and never without one. `series_judged` is how many series of the scope are judged with it.
    """

    excess_min: Decimal
    excess_share_min: Decimal = Decimal("0.25")
    score_min: float = 5.1
    history_days_min: int = 14
    season_days: int = SEASON_DAYS
    level_days: int = LEVEL_DAYS
    launch_min: Mapping[date, Decimal] = field(default_factory=dict)
    series_judged: int = 1


@dataclass(frozen=True, slots=True)
class EarlierDays:
    """What is known of a series before it is judged: days that were anomalous; spans whose level was accepted as usual;
    days that people said were planned or no anomaly, from which a monthly rise is learned at once. `whole` is the
    series with what is told of elsewhere, where that was left out.
    """

    anomalous: frozenset[date] = frozenset()
    accepted: tuple[Span, ...] = ()
    foreseen: frozenset[date] = frozenset()
    whole: Series | None = None


NOTHING_KNOWN = EarlierDays()


class Verdict(StrEnum):
    """`NONE`: no data of the day, too little history, or nothing that tells whether a rise goes on."""

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


def judge_day(series: Series, day: date, thresholds: Thresholds) -> JudgedDay:
    """The verdict on `day`. A day missing from `series` has no data, so no verdict; one with 0 was without use."""
    [judged] = judge_days(series, [day], thresholds)
    return judged


def judge_days(
    series: Series, days: Iterable[date], thresholds: Thresholds, earlier: EarlierDays = NOTHING_KNOWN
) -> list[JudgedDay]:
    """The verdicts on `days`, in the order of days. What was anomalous is no part of what is expected of later days, so
    that a rise that lasts stays one until it is accepted: it goes on while days lie above half of it, and is over after
    a day that does not for each three days it lasted. A day so small that the rise would not matter tells nothing.
    """
    history = History(series, anomalous=earlier.anomalous, accepted=earlier.accepted, whole=earlier.whole)
    judging = _Judging(series, history, thresholds, earlier)
    return [judging.judge(day) for day in sorted(days)]


@dataclass(slots=True)
class _Judging:
    """The judging of a series from day to day; `rise` holds the days of the rise that goes on."""

    series: Series
    history: History
    thresholds: Thresholds
    earlier: EarlierDays
    rise: list[JudgedDay] = field(default_factory=list)
    usual_days: int = 0

    def judge(self, day: date) -> JudgedDay:
        observed = self.series.get(day)
        if observed is None:
            return JudgedDay(day, Verdict.NONE, None, reason="no data of that day")
        if any(first <= day <= last for first, last in self.earlier.accepted):
            return JudgedDay(day, Verdict.NONE, observed, reason="accepted as usual")
        if observed <= self.thresholds.excess_min and not self.rise:
            return JudgedDay(day, Verdict.NORMAL, observed, reason="too little to matter")
        known = self._expected(day)
        judged = self._launched(day, observed, known) if isinstance(known, int) else self._judged(day, observed, known)
        if judged.verdict != Verdict.ANOMALOUS and self.rise:
            judged = self._in_a_rise(judged, observed)
        if judged.verdict == Verdict.ANOMALOUS:
            self.rise.append(judged)
            self.usual_days = 0
            self.history.anomalous.add(day)
        elif judged.verdict == Verdict.NORMAL:
            self.rise.clear()
        return judged

    def _expected(self, day: date) -> Expectation | int:
        return expectation(
            self.history,
            day,
            history_days_min=self.thresholds.history_days_min,
            season_days=self.thresholds.season_days,
            level_days=self.thresholds.level_days,
        )

    def _judged(self, day: date, observed: Decimal, known: Expectation) -> JudgedDay:
        judged = self._verdict(day, observed, known)
        if judged.verdict != Verdict.ANOMALOUS:
            return judged
        known = with_month_days(
            with_tails(
                known, self.history, day, self.thresholds.score_min, series_judged=self.thresholds.series_judged
            ),
            self.history,
            day,
            foreseen=self.earlier.foreseen,
        )
        return self._verdict(day, observed, known)

    def _verdict(self, day: date, observed: Decimal, known: Expectation) -> JudgedDay:
        thresholds = self.thresholds
        expected, score = known.at(0), known.score(observed, thresholds.score_min)
        high = max(
            known.at(thresholds.score_min),
            expected * (1 + thresholds.excess_share_min),
            expected + thresholds.excess_min,
        )
        is_anomalous = observed > high and score >= thresholds.score_min
        judged = JudgedDay(day, Verdict.ANOMALOUS if is_anomalous else Verdict.NORMAL, observed, expected, high, score)
        return replace(judged, reason=_reason(judged, known)) if is_anomalous else judged

    def _launched(self, day: date, observed: Decimal, history_days: int) -> JudgedDay:
        """The verdict on a day with little history: a launch where nothing that matters was used before, else none."""
        thresholds = self.thresholds
        launch_min = thresholds.launch_min.get(day)
        before = self.history.window(day, thresholds.season_days)
        if (
            launch_min is not None
            and observed >= max(launch_min, thresholds.excess_min)
            and all(self.series[past] <= thresholds.excess_min for past in before)
        ):
            score = thresholds.score_min * float(observed / max(launch_min, thresholds.excess_min, Decimal(1)))
            reason = f"{observed:,.2f} on {day}; nothing that matters was used before; score {score:.1f}."
            return JudgedDay(day, Verdict.ANOMALOUS, observed, Decimal(0), launch_min, score, reason)
        needed = f"{history_days} days of use before it, {thresholds.history_days_min} needed"
        return JudgedDay(day, Verdict.NONE, observed, reason=needed)

    def _in_a_rise(self, judged: JudgedDay, observed: Decimal) -> JudgedDay:
        """The verdict on a day after days that were anomalous: it goes on, is over, or this day does not tell."""
        expected, reason = judged.expected, self.rise[-1].reason
        ratios = [float((day.observed or 0) / day.expected) for day in self.rise if day.expected]
        if expected is None:
            # A launch has no level to come back to: it goes on while half as much is used.
            if observed > median(day.observed or Decimal(0) for day in self.rise) / 2:
                return replace(judged, verdict=Verdict.ANOMALOUS, expected=Decimal(0), reason=reason)
        elif ratios:
            times = median(ratios)
            if float(expected) * (times - 1) <= self.thresholds.excess_min:
                return replace(judged, verdict=Verdict.NONE)
            if float(observed) > float(expected) * sqrt(times):
                return replace(judged, verdict=Verdict.ANOMALOUS, reason=reason)
        self.usual_days += 1
        is_over = self.usual_days >= min(-(-len(self.rise) // 3), USUAL_DAYS_MAX)
        return replace(judged, verdict=Verdict.NORMAL if is_over else Verdict.NONE)


def _reason(judged: JudgedDay, known: Expectation) -> str:
    times = f", {judged.observed / judged.expected:.1f} times as much" if judged.observed and judged.expected else ""
    monthly = f" and this day of {known.month_days} earlier month(s)" if known.month_days else ""
    return (
        f"{judged.observed:,.2f} on {judged.day}; {judged.expected:,.2f} was expected on a {judged.day:%A}, from"
        f" {known.history_days} earlier days of use{monthly}{times}; score {judged.score:.1f}."
    )


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
