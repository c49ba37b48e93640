"""The variance of a scope's own cost between two periods, and the sum of those of many scopes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from allocation.variance.engine.decomposition import (
    SIDES,
    ZERO,
    ExactEffects,
    Pair,
    PricedUse,
    Weights,
    effects,
    priced_use,
    weights,
)
from allocation.variance.engine.drivers import ActivityCounts, Driver, choose_driver
from allocation.variance.engine.figures import (
    GPU_HOUR,
    NO_EFFECTS,
    PARTS,
    REQUEST,
    TOKEN,
    Effects,
    ModelVariance,
    PricedSums,
    UsageLine,
    Variance,
)
from allocation.variance.engine.findings import findings_of, may_have_become_cheaper, status_of

__all__ = [
    "GPU_HOUR",
    "PARTS",
    "REQUEST",
    "TOKEN",
    "Effects",
    "ModelVariance",
    "UsageLine",
    "Variance",
    "sorted_models",
    "variance_of",
]

ModelKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _UnitUse:
    """All use in one unit of the models that are used in both periods: by model, all models together, and the factors
    that effects are computed with.
    """

    models: Mapping[ModelKey, Sequence[UsageLine]]
    whole: PricedUse
    factors: Weights


def variance_of(
    lines: Iterable[UsageLine],
    activity: ActivityCounts,
    *,
    driver: Driver | None = None,
    by_model: bool = True,
    scope: str = "",
    requests_of: Mapping[ModelKey, Pair] | None = None,
) -> Variance:
    """The change in cost of one scope's own use as effects that sum to it exactly. `lines` has each (provider, model,
    kind, unit) once; `activity.tokens` is taken from the lines. The whole cost of a model that is used in one period
    only is new or has ended; its requests in `requests_of` are no volume of the others.
    """
    by_key: dict[ModelKey, list[UsageLine]] = defaultdict(list)
    for line in lines:
        by_key[line.key].append(line)
    statuses = {key: status_of(own) for key, own in by_key.items()}
    kept = {key for key, status in statuses.items() if status == "kept"}
    totals = _totals(by_key.values())
    counted = _activity_of(kept, statuses, by_key, activity, requests_of or {})
    chosen = choose_driver(counted if kept else _with_tokens(activity, totals), driver)
    units = _units(kept, by_key, counted, chosen.driver)
    exact = _sum(effects(unit_use.whole, unit_use.factors) for unit_use in units)
    cost = _cost(line for own in by_key.values() for line in own)
    apart = _sum_of_effects(_apart(statuses[key], own) for key, own in by_key.items())
    whole = _rounded(exact, apart, cost[1] - cost[0])
    needs_models = by_model or any(may_have_become_cheaper(line) for key in kept for line in by_key[key])
    models = _models(by_key, statuses, units, whole) if needs_models else ()
    return Variance(
        driver=chosen.driver,
        driver_reason=chosen.reason,
        activity=_with_tokens(activity, totals),
        used=totals,
        cost=cost,
        effects=whole,
        priced=_priced(units),
        models=models if by_model else (),
        findings=findings_of(by_key, statuses, models, scope=scope, cost=cost),
    )


def _totals(of_models: Iterable[Sequence[UsageLine]]) -> dict[str, Pair]:
    used: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for own in of_models:
        for line in own:
            for side in SIDES:
                used[line.unit][side] += max(line.used[side], 0)
    return {unit: (before, after) for unit, (before, after) in used.items() if before or after}


def _with_tokens(activity: ActivityCounts, totals: Mapping[str, Pair]) -> ActivityCounts:
    return ActivityCounts(activity.tasks, activity.task_requests, activity.requests, totals.get(TOKEN, (0, 0)))


def _activity_of(
    kept: set[ModelKey],
    statuses: Mapping[ModelKey, str],
    by_key: Mapping[ModelKey, Sequence[UsageLine]],
    activity: ActivityCounts,
    requests_of: Mapping[ModelKey, Pair],
) -> ActivityCounts:
    """What was done with the models that are used in both periods. Tasks are not known by model, so all count."""
    requests = [*activity.requests]
    for key, status in statuses.items():
        if status in {"entered", "left"}:
            for side in SIDES:
                requests[side] -= requests_of.get(key, (0, 0))[side]
    counted = ActivityCounts(activity.tasks, activity.task_requests, (max(requests[0], 0), max(requests[1], 0)))
    return _with_tokens(counted, _totals(by_key[key] for key in kept))


def _units(
    kept: set[ModelKey], by_key: Mapping[ModelKey, Sequence[UsageLine]], activity: ActivityCounts, driver: Driver
) -> list[_UnitUse]:
    by_unit: dict[str, dict[ModelKey, list[UsageLine]]] = defaultdict(lambda: defaultdict(list))
    for key, own in by_key.items():
        for line in own if key in kept else ():
            if max(line.used) > 0:
                by_unit[line.unit][key].append(line)
    units = []
    for models in by_unit.values():
        whole = priced_use(_measured(line) for own in models.values() for line in own)
        units.append(_UnitUse(models, whole, weights(activity.counted(driver), whole.used)))
    return units


def _measured(line: UsageLine) -> tuple[Pair, Pair, Pair]:
    before, after = (max(line.used[side], 0) for side in SIDES)
    cost = (line.cost[0] if before else 0, line.cost[1] if after else 0)
    return (before, after), cost, line.foreign


def _apart(status: str, own: Sequence[UsageLine]) -> Effects:
    """What a model adds that is computed without the others: all of it if it entered or left, else its adjustments."""
    unmeasured = [sum(line.cost[side] for line in own if line.used[side] <= 0) for side in SIDES]
    measured = [sum(line.cost[side] for line in own if line.used[side] > 0) for side in SIDES]
    change = measured[1] - measured[0]
    return Effects(
        0, 0, 0, 0, 0,
        new=change if status == "entered" else 0,
        ended=change if status == "left" else 0,
        adjustments=unmeasured[1] - unmeasured[0],
    )  # fmt: skip


def _sum(parts: Iterable[ExactEffects]) -> ExactEffects:
    total = ExactEffects()
    for part in parts:
        total = total.plus(part)
    return total


def _sum_of_effects(parts: Iterable[Effects]) -> Effects:
    total = NO_EFFECTS
    for part in parts:
        total = total.plus(part)
    return total


def _cost(lines: Iterable[UsageLine]) -> Pair:
    before = after = 0
    for line in lines:
        before += line.cost[0]
        after += line.cost[1]
    return before, after


def _rounded(exact: ExactEffects, apart: Effects, change: int) -> Effects:
    """In whole 10^-9; the remainder of rounding goes to the largest effect, the first of equal ones."""
    wanted = (exact.volume, exact.intensity, exact.model_mix + exact.kind_mix, exact.price, exact.exchange)
    parts = [round(part) for part in wanted]
    parts[_largest(wanted)] += change - sum(apart) - sum(parts)
    return Effects(parts[0], parts[1], parts[2], parts[3], parts[4], apart.new, apart.ended, apart.adjustments)


def _largest(parts: Sequence[Fraction]) -> int:
    return max(range(len(parts)), key=lambda place: (abs(parts[place]), -place))


def _priced(units: Iterable[_UnitUse]) -> PricedSums:
    of = [[ZERO, ZERO], [ZERO, ZERO]]
    for unit_use in units:
        for side in SIDES:
            for priced in SIDES:
                of[side][priced] += unit_use.whole.cost[side][priced]
    return (of[0][0], of[0][1]), (of[1][0], of[1][1])


def _models(
    by_key: Mapping[ModelKey, Sequence[UsageLine]],
    statuses: Mapping[ModelKey, str],
    units: Sequence[_UnitUse],
    whole: Effects,
) -> tuple[ModelVariance, ...]:
    """The largest change first. Each model is rounded by itself; the kept model with the highest cost takes the
    remainder of each column.
    """
    costs = {key: _cost(own) for key, own in by_key.items()}
    rounded: dict[ModelKey, Effects] = {}
    kinds: dict[ModelKey, int] = {}
    for key, own in by_key.items():
        exact = _sum(
            effects(priced_use(_measured(line) for line in unit_use.models[key]), unit_use.factors)
            for unit_use in units
            if key in unit_use.models
        )
        rounded[key] = _rounded(exact, _apart(statuses[key], own), costs[key][1] - costs[key][0])
        kinds[key] = round(exact.kind_mix)
    kept = [key for key in rounded if statuses[key] == "kept"]
    if kept:
        base = min(kept, key=lambda key: (-abs(costs[key][0]) - abs(costs[key][1]), key))
        rounded[base] = Effects(
            *(
                part + column - sum(row[place] for row in rounded.values())
                for place, (part, column) in enumerate(zip(rounded[base], whole, strict=True))
            )
        )
    return sorted_models(
        ModelVariance(
            provider=key[0],
            model=key[1],
            status=statuses[key],
            used=dict(sorted(_totals([own]).items())),
            cost=costs[key],
            effects=rounded[key],
            kind_mix=kinds[key],
            lines=tuple(sorted(own, key=lambda line: (line.unit, line.kind))),
        )
        for key, own in by_key.items()
    )


def sorted_models(models: Iterable[ModelVariance]) -> tuple[ModelVariance, ...]:
    """The largest change first."""
    return tuple(sorted(models, key=lambda model: (-abs(model.change), model.provider, model.model)))
