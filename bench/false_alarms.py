"""Anomalies told of in use that is nothing but noise, per 100 scopes and months.

    python -m bench.false_alarms [--scopes 400] [--days 90] [--seed 1]

Every scope has its own size, growth, noise and weekdays, and one to three models; each of the last `--days` is judged
as on the morning after, with sixteen weeks before it. The noise of a day is lognormal with Student's t of 6 degrees of
freedom for its tails, on top of the chance by which calls are made at all; one scope in five is small, one in eight
idles at random, one in four rests at the weekend, half run a batch on the last working day. Target: at most 2.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from math import exp, sqrt
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allocation.anomalies.engine.scope_verdicts import DailyUse, SeriesKey

FIRST_DAY = date(2026, 1, 1)
HISTORY_DAYS = 112
DAYS_OF_MONTH = 30
TAIL_FREEDOM = 6
NANO = Decimal("1e-9")
EXCESS_MIN = Decimal(10)
TARGET = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scopes", type=int, default=400)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    began = time.perf_counter()
    told = Counter[str]()
    for number in range(given.scopes):
        told.update(false_alarms(Random(f"{given.seed} {number}"), number, given.days))
    rate = 100 * told.total() / (given.scopes * given.days / DAYS_OF_MONTH)
    print(f"{told.total()} anomalies in {given.scopes} scopes of {given.days} days of noise: {dict(told)}")
    print(f"{rate:.2f} per 100 scopes and months (target {TARGET}), in {time.perf_counter() - began:.0f} s", flush=True)


def false_alarms(random: Random, number: int, days: int) -> list[str]:
    """What is told of one scope: the metric of each anomaly, and whether it was the sum of all models."""
    from allocation.anomalies.engine.anomalies import Thresholds, anomalous_spans
    from allocation.anomalies.engine.scope_verdicts import TOKENS, judge_scope

    def thresholds(use: DailyUse, metric: str) -> Thresholds:
        cost, tokens = sum(use.cost.values(), Decimal(0)), sum(use.tokens.values(), Decimal(0))
        return Thresholds(EXCESS_MIN * tokens / cost if metric == TOKENS and cost else EXCESS_MIN)

    own = scope(random, number, HISTORY_DAYS + days)
    judged = [FIRST_DAY + timedelta(days=HISTORY_DAYS + place) for place in range(days)]
    return [
        f"{metric} of {'all' if key.is_of_all else 'a model'}"
        for (key, metric), verdicts in judge_scope(own, judged, thresholds_for=thresholds).items()
        for _span in anomalous_spans(verdicts)
    ]


def scope(random: Random, number: int, days: int) -> dict[SeriesKey, DailyUse]:
    """The daily use of a scope's models, and of all of them together."""
    from allocation.anomalies.engine.scope_verdicts import ALL_MODELS, COST, TOKENS, DailyUse, SeriesKey

    names = [f"model-{place}" for place in range(random.choice((1, 1, 2, 3)))]
    shared, use = Shape(random), {}
    for name in names:
        cost, tokens = shared.days_of_a_model(random, days)
        use[SeriesKey(number, "p", name)] = DailyUse(cost, tokens)
    if len(names) > 1:
        sums = [
            {day: sum((of_model.of(metric)[day] for of_model in use.values()), Decimal(0)) for day in cost}
            for metric in (COST, TOKENS)
        ]
        use[SeriesKey(number, *ALL_MODELS)] = DailyUse(*sums)
    return use


class Shape:
    """What the models of a scope have in common: its size in USD a day, weekdays, growth, noise and batches."""

    def __init__(self, random: Random) -> None:
        is_small = random.random() < 0.2
        self.usual = random.uniform(3, 20) if is_small else exp(random.uniform(3, 9))
        self.per_call = self.usual / random.choice((5, 20, 50)) if is_small else 0.05
        self.sigma = random.choice((0.08, 0.12, 0.2, 0.3))
        self.weekend = random.choice((0.0, 0.25, 0.5, 1.0))
        self.growth = random.choice((0.0, 0.0, 0.003, 0.008, -0.004))
        self.idle = random.choice((0.0,) * 7 + (0.3,))
        self.batch = random.choice((0.0, 0.6))

    def days_of_a_model(self, random: Random, days: int) -> tuple[dict[date, Decimal], dict[date, Decimal]]:
        cost, tokens = {}, {}
        usual = self.usual * random.uniform(0.2, 1)
        for place in range(days):
            day = FIRST_DAY + timedelta(days=place)
            level = usual * exp(self.growth * place) * (self.weekend if day.weekday() > 4 else 1)
            level *= 1 + self.batch * is_last_working_day(day)
            level *= exp(self.sigma * student(random)) if random.random() >= self.idle else 0
            spent = level and self.per_call * drawn(random, level / self.per_call)
            cost[day] = Decimal(spent).quantize(NANO)
            tokens[day] = Decimal(round(spent * 200_000 * exp(random.gauss(0, 0.1))))
        return cost, tokens


def student(random: Random) -> float:
    """Of variance 1, with the tails of Student's t."""
    chi = random.gammavariate(TAIL_FREEDOM / 2, 2)
    return random.gauss(0, 1) / sqrt(chi / TAIL_FREEDOM) / sqrt(TAIL_FREEDOM / (TAIL_FREEDOM - 2))


def drawn(random: Random, mean: float) -> float:
    """How many calls come when `mean` are expected: Poisson's spread, by its normal approximation."""
    return max(random.gauss(mean, sqrt(mean)), 0.0)


def is_last_working_day(day: date) -> bool:
    return day.weekday() < 5 and all(
        (day + timedelta(days=ahead)).month != day.month or (day + timedelta(days=ahead)).weekday() > 4
        for ahead in range(1, 4)
    )


if __name__ == "__main__":
    main()
