"""The variance of a scope with all below it: the sum of the variances of what each scope used itself.

So the scopes below sum to the headline, effect by effect, and a scope's own page shows what its row showed above.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from operator import add

from allocation.variance.engine.decomposition import SIDES, ZERO, Pair
from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.figures import (
    Effects,
    Findings,
    ModelVariance,
    PricedSums,
    UsageLine,
    Variance,
)
from allocation.variance.engine.variance import sorted_models, variance_of

ModelKey = tuple[str, str]
NOTHING = variance_of([], ActivityCounts())


def combined(parts: Sequence[Variance]) -> Variance:
    """Volume is counted in what most of the cost is counted in."""
    if len(parts) <= 1:
        return parts[0] if parts else NOTHING
    driver, reason = _driver(parts)
    used: dict[str, Pair] = {}
    for part in parts:
        for unit, pair in part.used.items():
            used[unit] = _pair(used.get(unit, (0, 0)), pair)
    return Variance(
        driver=driver,
        driver_reason=reason,
        activity=_activity(part.activity for part in parts),
        used=used,
        cost=_sum_of_pairs(part.cost for part in parts),
        effects=_sum_of_effects(part.effects for part in parts),
        priced=_priced(part.priced for part in parts),
        models=_models(model for part in parts for model in part.models),
        findings=Findings(
            *(
                tuple(found for part in parts for found in getattr(part.findings, name))
                for name in ("new", "ended", "cheaper", "cache")
            )
        ),
    )


def _pair(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def _sum_of_pairs(pairs: Iterable[Pair]) -> Pair:
    before, after = map(sum, zip(*pairs, strict=True))
    return before, after


def _sum_of_effects(of_parts: Iterable[Effects]) -> Effects:
    return Effects(*map(sum, zip(*of_parts, strict=True)))


def _driver(parts: Sequence[Variance]) -> tuple[Driver, str]:
    costs: dict[Driver, int] = {}
    for part in parts:
        costs[part.driver] = costs.get(part.driver, 0) + abs(part.cost[0]) + abs(part.cost[1])
    driver = max(costs, key=lambda each: (costs[each], each))
    reasons = {part.driver_reason for part in parts if part.driver == driver}
    if len(costs) == 1:
        return driver, reasons.pop() if len(reasons) == 1 else "in each scope for itself"
    others = " and ".join(sorted(each.value for each in costs if each != driver))
    return driver, f"in most scopes, in others in {others}: each counts what covers its use"


def _activity(counts: Iterable[ActivityCounts]) -> ActivityCounts:
    total = ActivityCounts()
    for each in counts:
        total = ActivityCounts(
            _pair(total.tasks, each.tasks),
            _pair(total.task_requests, each.task_requests),
            _pair(total.requests, each.requests),
            _pair(total.tokens, each.tokens),
        )
    return total


def _priced(sums: Iterable[PricedSums]) -> PricedSums:
    parts = list(sums)
    (old_at_old, old_at_new), (new_at_old, new_at_new) = (
        [_exact_sum([part[side][priced] for part in parts]) for priced in SIDES] for side in SIDES
    )
    return (old_at_old, old_at_new), (new_at_old, new_at_new)


def _exact_sum(parts: Sequence[Fraction]) -> Fraction:
    """Adds neighbours, then their sums: of fractions that are added one by one the divisor is soon the product of all,
    and every further one is added to that.
    """
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        parts = [one + other for one, other in pairs] + ([parts[-1]] if len(parts) % 2 else [])
    return parts[0] if parts else ZERO


def _models(models: Iterable[ModelVariance]) -> tuple[ModelVariance, ...]:
    by_key: dict[ModelKey, list[ModelVariance]] = {}
    for model in models:
        by_key.setdefault((model.provider, model.model), []).append(model)
    return sorted_models(_model(of_scopes) for of_scopes in by_key.values())


def _model(of_scopes: Sequence[ModelVariance]) -> ModelVariance:
    first = of_scopes[0]
    if len(of_scopes) == 1:
        return first
    used: dict[str, Pair] = {}
    lines: dict[tuple[str, str], list[int]] = {}
    for model in of_scopes:
        for unit, pair in model.used.items():
            used[unit] = _pair(used.get(unit, (0, 0)), pair)
        for line in model.lines:
            key, numbers = (line.unit, line.kind), (*line.used, *line.cost)
            known = lines.get(key)
            lines[key] = [*numbers] if known is None else [*map(add, known, numbers)]
    before, after = (any(pair[side] for pair in used.values()) for side in SIDES)
    return ModelVariance(
        provider=first.provider,
        model=first.model,
        status="kept" if before and after else "entered" if after else "left" if before else "adjusted",
        used=dict(sorted(used.items())),
        cost=_sum_of_pairs(model.cost for model in of_scopes),
        effects=_sum_of_effects(model.effects for model in of_scopes),
        kind_mix=sum(model.kind_mix for model in of_scopes),
        lines=tuple(
            UsageLine(first.provider, first.model, kind, unit, (numbers[0], numbers[1]), (numbers[2], numbers[3]))
            for (unit, kind), numbers in sorted(lines.items())
        ),
    )
