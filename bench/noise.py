"""Daily use that is nothing but noise, of several kinds: what scopes look like of which there is nothing to tell.

Every scope has its own size, growth, noise, weekdays and models; the days of a model vary by the same law.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from math import exp, inf, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from allocation.anomalies.engine.scope_verdicts import DailyUse, SeriesKey

FIRST_DAY = date(2026, 1, 1)
NANO = Decimal("1e-9")
TOKENS_PER_USD = 200_000
FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Noise:
    """What the models of a scope have in common. `usual` is in USD a day and model, `sigma` in logarithms, `memory` the
    correlation of a day with the day before, `tails` the degrees of freedom of Student's t (normal without bound).
    """

    usual: float
    per_call: float = 0.05
    sigma: float = 0.2
    weekend: float = 1.0
    growth: float = 0.0
    idle: float = 0.0
    batch: float = 0.0
    # The last working day where None.
    batch_day: Callable[[date], bool] | None = None
    tails: float = inf
    memory: float = 0.0
    models: int = 1
    # The scope is used from that day on.
    begins: int = 0


def mixed(random: Random) -> Noise:
    """Tails of six degrees of freedom; one scope in five is small, one in eight idles at random, one in four rests at
    the weekend, half run a batch on the last working day.
    """
    models = random.choice((1, 1, 2, 3))
    is_small = random.random() < 0.2
    usual = random.uniform(3, 20) if is_small else exp(random.uniform(3, 9))
    return Noise(
        usual=usual,
        per_call=usual / random.choice((5, 20, 50)) if is_small else 0.05,
        sigma=random.choice((0.08, 0.12, 0.2, 0.3)),
        weekend=random.choice((0.0, 0.25, 0.5, 1.0)),
        growth=random.choice((0.0, 0.0, 0.003, 0.008, -0.004)),
        idle=random.choice((0.0,) * 7 + (0.3,)),
        batch=random.choice((0.0, 0.6)),
        tails=6,
        models=models,
    )


def weekdays(random: Random) -> Noise:
    return Noise(
        usual=exp(random.uniform(3, 9)),
        sigma=random.uniform(0.05, 0.5),
        weekend=random.choice((0.0, 0.1, 0.4, 0.8)),
        growth=random.uniform(-0.004, 0.008),
        models=random.choice((1, 2, 3)),
    )


def batches(random: Random) -> Noise:
    """Once a month, by a third to four times the usual, on one of the days on which books are closed or bills sent."""
    return replace(
        weekdays(random),
        sigma=random.uniform(0.05, 0.3),
        batch=exp(random.uniform(-1, 1.4)),
        batch_day=random.choice(
            (is_last_working_day, lambda day: day.day == 1, lambda day: day.day == 15, is_last_day)
        ),
    )


def few_calls(random: Random) -> Noise:
    usual = random.uniform(3, 30)
    return replace(weekdays(random), usual=usual, per_call=usual / random.choice((2, 4, 8, 20)))


def heavy_tails(random: Random) -> Noise:
    return replace(weekdays(random), sigma=random.uniform(0.08, 0.35), tails=random.choice((4, 5, 6)))


def intermittent(random: Random) -> Noise:
    return replace(weekdays(random), sigma=random.uniform(0.1, 0.4), idle=random.choice((0.1, 0.25, 0.3, 0.5, 0.8)))


def correlated(random: Random) -> Noise:
    """A day is as high or low as the day before, in part: weeks that are busy as a whole."""
    return replace(weekdays(random), sigma=random.uniform(0.05, 0.3), memory=random.choice((0.4, 0.6, 0.8)))


def young(random: Random) -> Noise:
    """First used a few weeks before the judged days or among them, so that there is little to know the usual from."""
    return replace(weekdays(random), begins=random.randrange(80, 180))


def many_models(random: Random) -> Noise:
    return replace(weekdays(random), tails=6, models=random.choice((6, 12)))


KINDS: dict[str, Callable[[Random], Noise]] = {
    kind.__name__: kind
    for kind in (
        mixed, weekdays, batches, few_calls, heavy_tails, intermittent, correlated, young, many_models
    )
}  # fmt: skip


def scope(noise: Noise, random: Random, number: int, days: int) -> dict[SeriesKey, DailyUse]:
    """The daily use of a scope's models, and of all of them together."""
    from allocation.anomalies.engine.scope_verdicts import ALL_MODELS, COST, TOKENS, DailyUse, SeriesKey

    use = {
        SeriesKey(number, "p", f"model-{place}"): DailyUse(*_days_of_a_model(noise, random, days))
        for place in range(noise.models)
    }
    if len(use) > 1:
        calendar = [FIRST_DAY + timedelta(days=place) for place in range(days)]
        sums = [
            {day: sum((of_model.of(metric)[day] for of_model in use.values()), Decimal(0)) for day in calendar}
            for metric in (COST, TOKENS)
        ]
        use[SeriesKey(number, *ALL_MODELS)] = DailyUse(*sums)
    return use


def _days_of_a_model(noise: Noise, random: Random, days: int) -> tuple[dict[date, Decimal], dict[date, Decimal]]:
    cost, tokens = {}, {}
    usual = noise.usual * random.uniform(0.2, 1)
    deviation = 0.0
    for place in range(days):
        day = FIRST_DAY + timedelta(days=place)
        deviation = noise.memory * deviation + sqrt(1 - noise.memory**2) * student(random, noise.tails)
        level = usual * exp(noise.growth * place) * (noise.weekend if day.weekday() > FRIDAY else 1)
        level *= 1 + noise.batch * (noise.batch_day or is_last_working_day)(day)
        is_used = place >= noise.begins and random.random() >= noise.idle
        level *= exp(noise.sigma * deviation) if is_used else 0
        spent = level and noise.per_call * drawn(random, level / noise.per_call)
        cost[day] = Decimal(spent).quantize(NANO)
        tokens[day] = Decimal(round(spent * TOKENS_PER_USD * exp(random.gauss(0, 0.1))))
    return cost, tokens


def student(random: Random, freedom: float) -> float:
    """Of variance 1, with the tails of Student's t."""
    normal = random.gauss(0, 1)
    if freedom == inf:
        return normal
    chi = random.gammavariate(freedom / 2, 2)
    return normal / sqrt(chi / freedom) / sqrt(freedom / (freedom - 2))


def drawn(random: Random, mean: float) -> float:
    """How many calls come when `mean` are expected: Poisson's, by its normal approximation where that is close."""
    if mean > 50:
        return max(round(random.gauss(mean, sqrt(mean))), 0)
    calls, left = 0, random.expovariate(1)
    while left < mean:
        calls += 1
        left += random.expovariate(1)
    return calls


def is_last_working_day(day: date) -> bool:
    return day.weekday() <= FRIDAY and all(
        (day + timedelta(days=ahead)).month != day.month or (day + timedelta(days=ahead)).weekday() > FRIDAY
        for ahead in range(1, 4)
    )


def is_last_day(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1
