"""What detection promises: how often noise is told of, and how large a rise is found within how many days.

    python -m bench.false_alarms [--scopes 100] [--days 90] [--seeds 1 2 3 4 5 6] [--kinds mixed heavy_tails]

False alarms are anomalies told of in use that is nothing but noise (`bench/noise.py`, kind by kind), per 100 scopes and
months; each of the last `--days` is judged as on the morning after, with sixteen weeks before it. Target: at most 2 for
every seed. The second table has the share of lasting rises that are told of within 1, 3 and 7 days, by their factor.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from bench.noise import FIRST_DAY, KINDS, NANO, Noise, scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocation.anomalies.engine.anomalies import Thresholds
    from allocation.anomalies.engine.scope_verdicts import DailyUse, SeriesKey

HISTORY_DAYS = 112
DAYS_OF_MONTH = 30
EXCESS_MIN = Decimal(10)
TARGET = 2.0
FACTORS = (Decimal("1.5"), Decimal(2), Decimal(3), Decimal(5))
WITHIN_DAYS = (1, 3, 7)
SIGMAS = (0.05, 0.1, 0.2, 0.3)
RISES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scopes", type=int, default=100, help="of each kind, per seed")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    began = time.process_time()
    months = given.scopes * given.days / DAYS_OF_MONTH
    told = {kind: [_false_alarms(kind, seed, given.scopes, given.days) for seed in given.seeds] for kind in given.kinds}
    print(f"false alarms per 100 scopes and months of noise (target {TARGET} for every seed)")
    for kind, counts in told.items():
        _print_rates(kind, [100 * count / months for count in counts])
    _print_rates("all kinds", [100 * sum(counts) / months / len(told) for counts in zip(*told.values(), strict=True)])
    _print_power(given.seeds[0])
    print(f"{time.process_time() - began:.0f} s of CPU time")


def _print_rates(kind: str, rates: Sequence[float]) -> None:
    by_seed = " ".join(f"{rate:5.2f}" for rate in rates)
    print(f"{kind:13} mean {sum(rates) / len(rates):5.2f}, highest {max(rates):5.2f}   by seed: {by_seed}", flush=True)


def _print_power(seed: int) -> None:
    print("lasting rises told of within 1, 3 and 7 days, in per cent, by the noise of a day and the factor")
    for sigma in SIGMAS:
        shares = []
        for factor in FACTORS:
            delays = [_days_until_told(Random(f"{seed} {number}"), sigma, factor) for number in range(RISES)]
            shares.append(
                f"x{factor}: " + " ".join(f"{sum(delay <= days for delay in delays):3}" for days in WITHIN_DAYS)
            )
        print(f"noise {sigma:4.0%}  " + "   ".join(shares), flush=True)


def _false_alarms(kind: str, seed: int, scopes: int, days: int) -> int:
    return sum(len(false_alarms(kind, Random(f"{kind} {seed} {number}"), number, days)) for number in range(scopes))


def false_alarms(kind: str, random: Random, number: int, days: int) -> list[str]:
    """What is told of one scope: the metric of each anomaly, and whether it was the sum of all models."""
    own = scope(KINDS[kind](random), random, number, HISTORY_DAYS + days)
    return [metric for metric, _day in _told(own, HISTORY_DAYS, days)]


def _told(own: dict[SeriesKey, DailyUse], first: int, days: int) -> list[tuple[str, int]]:
    """The metric of each anomaly, and the number of its first day among those judged."""
    from allocation.anomalies.engine.anomalies import anomalous_spans
    from allocation.anomalies.engine.scope_verdicts import judge_scope

    since = FIRST_DAY + timedelta(days=first)
    judged = [since + timedelta(days=place) for place in range(days)]
    return [
        (f"{metric} of {'all' if key.is_of_all else 'a model'}", (span.first_day - since).days)
        for (key, metric), verdicts in judge_scope(own, judged, thresholds_for=_thresholds).items()
        for span in anomalous_spans(verdicts)
    ]


def _thresholds(use: DailyUse, metric: str) -> Thresholds:
    from allocation.anomalies.engine.anomalies import Thresholds
    from allocation.anomalies.engine.scope_verdicts import TOKENS

    cost, tokens = sum(use.cost.values(), Decimal(0)), sum(use.tokens.values(), Decimal(0))
    return Thresholds(EXCESS_MIN * tokens / cost if metric == TOKENS and cost else EXCESS_MIN)


def _days_until_told(random: Random, sigma: float, factor: Decimal) -> int:
    """Of a rise that lasts: the mornings until it is told of, 99 where never within the longest wait."""
    from allocation.anomalies.engine.scope_verdicts import DailyUse

    noise = Noise(usual=500, sigma=sigma, weekend=random.choice((0.0, 0.4, 1.0)))
    # On a Monday to Thursday: a rise on a day off is not one.
    first = HISTORY_DAYS + 7 * random.randrange(8) + random.randrange(4, 8)
    [(key, use)] = scope(noise, random, 0, first + max(WITHIN_DAYS)).items()
    since = FIRST_DAY + timedelta(days=first)
    raised = {
        key: DailyUse(
            *(
                {day: (value * factor).quantize(NANO) if day >= since else value for day, value in series.items()}
                for series in (use.cost, use.tokens)
            )
        )
    }
    return min((day + 1 for _metric, day in _told(raised, first, max(WITHIN_DAYS))), default=99)


if __name__ == "__main__":
    main()
