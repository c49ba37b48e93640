"""The variance of a scope with all below it: the sum of the variances of what each scope used itself.

So the scopes below sum to the headline, effect by effect, and a scope's own page shows what its row showed above.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from allocation.variance.engine.decomposition import SIDES, Pair
from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.figures import (
    NO_EFFECTS,
    NO_SUMS,
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
    effects, cost, used = NO_EFFECTS, (0, 0), dict[str, Pair]()
    for part in parts:
        effects, cost = effects.plus(part.effects), _pair(cost, part.cost)
        for unit, pair in part.used.items():
            used[unit] = _pair(used.get(unit, (0, 0)), pair)
    return Variance(
        driver=driver,
        driver_reason=reason,
        activity=_activity(part.activity for part in parts),
        used=used,
        cost=cost,
        effects=effects,
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
    total = NO_SUMS
    for each in sums:
        total = (
            (total[0][0] + each[0][0], total[0][1] + each[0][1]),
            (total[1][0] + each[1][0], total[1][1] + each[1][1]),
        )
    return total


def _models(models: Iterable[ModelVariance]) -> tuple[ModelVariance, ...]:
    by_key: dict[ModelKey, list[ModelVariance]] = {}
    for model in models:
        by_key.setdefault((model.provider, model.model), []).append(model)
    return sorted_models(_model(of_scopes) for of_scopes in by_key.values())


def _model(of_scopes: Sequence[ModelVariance]) -> ModelVariance:
    first = of_scopes[0]
    if len(of_scopes) == 1:
        return first
    effects: Effects = NO_EFFECTS
    cost, used, lines = (0, 0), dict[str, Pair](), dict[tuple[str, str], UsageLine]()
    for model in of_scopes:
        effects, cost = effects.plus(model.effects), _pair(cost, model.cost)
        for unit, pair in model.used.items():
            used[unit] = _pair(used.get(unit, (0, 0)), pair)
        for line in model.lines:
            known = lines.get((line.unit, line.kind))
            lines[line.unit, line.kind] = (
                replace(line, foreign=(0, 0))
                if known is None
                else replace(known, used=_pair(known.used, line.used), cost=_pair(known.cost, line.cost))
            )
    before, after = (any(pair[side] for pair in used.values()) for side in SIDES)
    return ModelVariance(
        provider=first.provider,
        model=first.model,
        status="kept" if before and after else "entered" if after else "left" if before else "adjusted",
        used=dict(sorted(used.items())),
        cost=cost,
        effects=effects,
        kind_mix=sum(model.kind_mix for model in of_scopes),
        lines=tuple(lines[key] for key in sorted(lines)),
    )
