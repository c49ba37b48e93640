"""The verdicts on all series of one scope: each rise is told of once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from allocation.anomalies.engine.anomalies import (
    LAUNCH_SHARE,
    AnomalousSpan,
    EarlierDays,
    JudgedDay,
    Thresholds,
    Verdict,
    anomalous_spans,
    judge_days,
)
from allocation.anomalies.engine.expectation import LEVEL_DAYS, Series
from governance.calendar.engine import DAY, days_from

COST, TOKENS = "cost", "tokens"
ALL_MODELS = ("", "")
ZERO = Decimal(0)
# A rise of tokens without one of cost is less sure to matter: it must stand out as if so many times as many series
# were judged.
TOKENS_COUNT_AS = 4


class SeriesKey(NamedTuple):
    """A scope's own use, without what lies below it; ALL_MODELS for the sum of its models."""

    scope_id: int
    provider: str
    model: str

    @property
    def is_of_all(self) -> bool:
        return self[1:] == ALL_MODELS


@dataclass(frozen=True, slots=True)
class DailyUse:
    """Cost (in the scope's currency) and tokens by day; 0 is a day without use, a missing day has no data."""

    cost: Series
    tokens: Series

    def of(self, metric: str) -> Series:
        return self.cost if metric == COST else self.tokens


@dataclass(frozen=True, slots=True)
class ToldRise:
    """A rise that is on record. Accepted: its level is usual from its first day on. Foreseen: people said that it was
    planned or no anomaly.
    """

    key: SeriesKey
    metric: str
    first_day: date
    last_day: date
    is_accepted: bool = False
    is_foreseen: bool = False

    def concerns(self, key: SeriesKey, metric: str) -> bool:
        """Whether it shows in that series, too: the cost of a model in its tokens, and in the sum of all models."""
        return (self.key == key or key.is_of_all) and (self.metric == COST or metric == TOKENS)


ThresholdsOf = Callable[[DailyUse, str], Thresholds]
Verdicts = dict[tuple[SeriesKey, str], list[JudgedDay]]


def judge_scope(
    own: Mapping[SeriesKey, DailyUse],
    days: Sequence[date],
    *,
    thresholds_for: ThresholdsOf,
    told: Sequence[ToldRise] = (),
    launch_min: Callable[[], Mapping[date, Decimal]] = dict,
) -> Verdicts:
    """The verdicts on `days`, by series and metric. A rise is told of as cost rather than as tokens, and of a model
    rather than of all models: what it took above expectation is left out of the sum of all models. `launch_min` gives
    the amounts from which a first use is a launch; it is asked only where there may be one.
    """
    verdicts: Verdicts = {}
    above: dict[date, Decimal] = {}
    of_models: set[date] = set()
    for key in sorted(own, key=lambda key: (key.is_of_all, key)):
        use = _without(own[key], above) if key.is_of_all else own[key]
        reported: set[date] = of_models if key.is_of_all else set()
        for metric in (COST, TOKENS):
            series = len(own) * (TOKENS_COUNT_AS if metric == TOKENS else 1)
            thresholds = replace(thresholds_for(own[key], metric), series_judged=series)
            if metric == COST and (key.is_of_all or len(own) == 1) and _may_launch(use.cost, days, thresholds):
                thresholds = replace(thresholds, launch_min=launch_min())
            earlier = replace(earlier_days(told, key, metric, days[0]), whole=own[key].of(metric) if above else None)
            judged = judge_days(use.of(metric), days, thresholds, earlier)
            if metric == TOKENS:
                judged = [replace(day, verdict=Verdict.NORMAL) if day.day in reported else day for day in judged]
            verdicts[key, metric] = judged
            rising = _rising_days(judged)
            reported = reported | rising
            if metric == COST:
                for day in judged:
                    if day.day in rising and day.expected is not None and not key.is_of_all:
                        above[day.day] = above.get(day.day, ZERO) + max(day.excess, ZERO)
        of_models |= reported
    return verdicts


def launch_mins(organisation: Series, days: Iterable[date]) -> dict[date, Decimal]:
    """By day, the least first use of a scope that is a launch: a quarter of what the organisation used on a usual day
    of the three weeks before. No day with less than two weeks before it.
    """
    known = sorted(organisation)
    mins = {}
    for day in days:
        before = [organisation[past] for past in known if day - DAY * LEVEL_DAYS <= past < day]
        if len(before) >= 2 * LEVEL_DAYS // 3:
            mins[day] = LAUNCH_SHARE * median(before)
    return mins


def most_of(use: Mapping[SeriesKey, DailyUse], key: SeriesKey, metric: str, rise: AnomalousSpan) -> str:
    """As an addition to a reason: the model that took most of a rise of all models together, if one took half of it."""
    rises = []
    for own, of_model in use.items():
        if own.scope_id == key.scope_id and not own.is_of_all:
            series = of_model.of(metric)
            before = [series.get(day, ZERO) for day in days_from(rise.first_day - DAY * LEVEL_DAYS, rise.first_day)]
            rises.append((series.get(rise.worst.day, ZERO) - median(before), own.model, not any(before)))
    above, model, is_new = max(rises, default=(ZERO, "", False))
    if 2 * above < rise.worst.excess:
        return ""
    return f" Most of it is {model}, which was not used before." if is_new else f" Most of it is {model}."


def _without(use: DailyUse, above: Mapping[date, Decimal]) -> DailyUse:
    return DailyUse({day: cost - above.get(day, ZERO) for day, cost in use.cost.items()}, use.tokens)


def _may_launch(cost: Series, days: Sequence[date], thresholds: Thresholds) -> bool:
    """Whether there is use that matters on a day to judge, and little before."""
    used_before = sum(1 for day, value in cost.items() if value > thresholds.excess_min and day < days[0])
    return used_before < thresholds.history_days_min and any(
        cost.get(day, ZERO) > thresholds.excess_min for day in days
    )


def earlier_days(told: Sequence[ToldRise], key: SeriesKey, metric: str, judged_from: date) -> EarlierDays:
    """What rises on record mean for a series whose days from `judged_from` on are judged."""
    concerned = [rise for rise in told if rise.concerns(key, metric)]
    return EarlierDays(
        anomalous=frozenset(
            day
            for rise in concerned
            if not rise.is_accepted and rise.last_day < judged_from
            for day in days_from(rise.first_day, rise.last_day + DAY)
        ),
        accepted=tuple((rise.first_day, rise.last_day) for rise in concerned if rise.is_accepted),
        foreseen=frozenset(
            day for rise in concerned if rise.is_foreseen for day in days_from(rise.first_day, rise.last_day + DAY)
        ),
    )


def _rising_days(judged: Sequence[JudgedDay]) -> set[date]:
    """The days from the first to the last of each rise, and those since one that is not over."""
    spans = anomalous_spans(judged)
    return {
        day.day
        for day in judged
        for span in spans
        if span.first_day <= day.day and (day.day <= span.last_day or not span.is_over)
    }
