"""The variance of a scope's own cost between two periods, and the sum of those of many scopes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from allocation.variance.engine.decomposition import (
    SIDES,
    ExactEffects,
    Pair,
    PricedUse,
    Weights,
    effects,
    priced_use,
    rounded,
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
from allocation.variance.engine.findings import (
    ENTERED,
    KEPT,
    LEFT,
    findings_of,
    may_have_become_cheaper,
    status_of,
)

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
    "without_models",
]

ModelKey = tuple[str, str]


@dataclass(slots=True)
class _ModelUse:
    """All lines of one model: what was used and what that cost, and the cost of what has no quantity."""

    lines: list[UsageLine] = field(default_factory=list)
    used: dict[str, Pair] = field(default_factory=dict)
    cost: Pair = (0, 0)
    unmeasured: int = 0
    status: str = ""
    # By unit; what effects are computed from.
    priced: dict[str, PricedUse] = field(default_factory=dict)

    def read(self) -> None:
        cost_before = cost_after = unmeasured = 0
        measured: dict[str, list[tuple[Pair, Pair, Pair]]] = {}
        for line in self.lines:
            (before, after), cost = line.used, line.cost
            cost_before += cost[0]
            cost_after += cost[1]
            if before <= 0:
                unmeasured -= cost[0]
                before, cost = 0, (0, cost[1])
            if after <= 0:
                unmeasured += cost[1]
                after, cost = 0, (cost[0], 0)
            if before or after:
                known = self.used.get(line.unit, (0, 0))
                self.used[line.unit] = (known[0] + before, known[1] + after)
                measured.setdefault(line.unit, []).append(((before, after), cost, line.foreign))
        self.cost, self.unmeasured = (cost_before, cost_after), unmeasured
        self.status = status_of(self.lines)
        if self.status == KEPT:
            self.priced = {unit: priced_use(lines) for unit, lines in measured.items()}

    def apart(self) -> Effects:
        """What is computed without the other models: all of it if it entered or left, else its adjustments."""
        if self.status == KEPT and not self.unmeasured:
            return NO_EFFECTS
        change = self.cost[1] - self.cost[0] - self.unmeasured
        return NO_EFFECTS._replace(
            new=change if self.status == ENTERED else 0,
            ended=change if self.status == LEFT else 0,
            adjustments=self.unmeasured,
        )


@dataclass(frozen=True, slots=True)
class _UnitUse:
    """All use in one unit of the models that are used in both periods, and the factors of its effects."""

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
    by_key: dict[ModelKey, _ModelUse] = defaultdict(_ModelUse)
    for line in lines:
        by_key[line.key].lines.append(line)
    for of_model in by_key.values():
        of_model.read()
    kept = [of_model for of_model in by_key.values() if of_model.status == KEPT]
    totals = _totals(by_key.values())
    counted = _activity_of(kept, by_key, activity, requests_of or {})
    chosen = choose_driver(counted if kept else _with_tokens(activity, totals), driver)
    units = _units(kept, counted.counted(chosen.driver))
    exact = _sum(effects(unit_use.whole, unit_use.factors) for unit_use in units.values())
    cost = _cost(by_key.values())
    whole = _rounded(exact, _sum_of_effects(of_model.apart() for of_model in by_key.values()), cost[1] - cost[0])
    needs_models = by_model or any(may_have_become_cheaper(line) for of_model in kept for line in of_model.lines)
    models = _models(by_key, units, whole) if needs_models else ()
    return Variance(
        driver=chosen.driver,
        driver_reason=chosen.reason,
        activity=_with_tokens(activity, totals),
        used=totals,
        cost=cost,
        effects=whole,
        priced=_priced(units.values()),
        models=models if by_model else (),
        findings=findings_of(
            {key: of_model.lines for key, of_model in by_key.items()},
            {key: of_model.status for key, of_model in by_key.items()},
            models,
            scope=scope,
            cost=cost,
        ),
    )


def without_models(variance: Variance) -> Variance:
    """As `variance_of` says it without models, from what it said by model."""
    lines = (line for model in variance.models if model.status == KEPT for line in model.lines)
    findings = variance.findings
    if not any(may_have_become_cheaper(line) for line in lines):
        findings = replace(findings, cheaper=())
    return replace(variance, models=(), findings=findings)


def _totals(of_models: Iterable[_ModelUse]) -> dict[str, Pair]:
    used: dict[str, Pair] = {}
    for of_model in of_models:
        for unit, (before, after) in of_model.used.items():
            known = used.get(unit, (0, 0))
            used[unit] = (known[0] + before, known[1] + after)
    return used


def _with_tokens(activity: ActivityCounts, totals: Mapping[str, Pair]) -> ActivityCounts:
    return ActivityCounts(activity.tasks, activity.task_requests, activity.requests, totals.get(TOKEN, (0, 0)))


def _activity_of(
    kept: Iterable[_ModelUse],
    by_key: Mapping[ModelKey, _ModelUse],
    activity: ActivityCounts,
    requests_of: Mapping[ModelKey, Pair],
) -> ActivityCounts:
    """What was done with the models that are used in both periods. Tasks are not known by model, so all count."""
    requests = [*activity.requests]
    for key, of_model in by_key.items():
        if of_model.status in {ENTERED, LEFT}:
            for side in SIDES:
                requests[side] -= requests_of.get(key, (0, 0))[side]
    counted = ActivityCounts(activity.tasks, activity.task_requests, (max(requests[0], 0), max(requests[1], 0)))
    return _with_tokens(counted, _totals(kept))


def _units(kept: Iterable[_ModelUse], activity: Pair) -> dict[str, _UnitUse]:
    wholes: dict[str, PricedUse] = {}
    for of_model in kept:
        for unit, priced in of_model.priced.items():
            known = wholes.get(unit)
            wholes[unit] = priced if known is None else known.plus(priced)
    return {unit: _UnitUse(whole, weights(activity, whole.used)) for unit, whole in wholes.items()}


def _sum(parts: Iterable[ExactEffects]) -> ExactEffects:
    total: ExactEffects | None = None
    for part in parts:
        total = part if total is None else total.plus(part)
    return total or ExactEffects()


def _sum_of_effects(parts: Iterable[Effects]) -> Effects:
    total = NO_EFFECTS
    for part in parts:
        total = total.plus(part) if part is not NO_EFFECTS else total
    return total


def _cost(of_models: Iterable[_ModelUse]) -> Pair:
    before = after = 0
    for of_model in of_models:
        before += of_model.cost[0]
        after += of_model.cost[1]
    return before, after


def _rounded(exact: ExactEffects, apart: Effects, change: int) -> Effects:
    """In whole 10^-9; the remainder of rounding goes to the largest effect, the first of equal ones."""
    wanted = (exact.volume, exact.intensity, exact.mix, exact.price, exact.exchange)
    parts = [rounded(part, exact.divisor) if part else 0 for part in wanted]
    rest = change - sum(apart) - sum(parts)
    if rest:
        sizes = [abs(part) for part in wanted]
        parts[sizes.index(max(sizes))] += rest
    return Effects(parts[0], parts[1], parts[2], parts[3], parts[4], apart.new, apart.ended, apart.adjustments)


def _priced(units: Iterable[_UnitUse]) -> PricedSums:
    total = _whole(unit_use.whole for unit_use in units)
    return (
        (Fraction(total.own_cost[0]), Fraction(*total.old_use_at_new)),
        (Fraction(*total.new_use_at_old), Fraction(total.own_cost[1])),
    )


def _whole(parts: Iterable[PricedUse]) -> PricedUse:
    total: PricedUse | None = None
    for part in parts:
        total = part if total is None else total.plus(part)
    return total or PricedUse()


def _models(
    by_key: Mapping[ModelKey, _ModelUse], units: Mapping[str, _UnitUse], whole: Effects
) -> tuple[ModelVariance, ...]:
    """The largest change first. Each model is rounded by itself; the kept model with the highest cost takes the
    remainder of each column.
    """
    own: dict[ModelKey, Effects] = {}
    kinds: dict[ModelKey, int] = {}
    for key, of_model in by_key.items():
        exact = _sum(effects(priced, units[unit].factors) for unit, priced in of_model.priced.items())
        own[key] = _rounded(exact, of_model.apart(), of_model.cost[1] - of_model.cost[0])
        kinds[key] = exact.kind_mix.rounded()
    kept = [
        (-abs(of_model.cost[0]) - abs(of_model.cost[1]), key)
        for key, of_model in by_key.items()
        if of_model.status == KEPT
    ]
    if kept:
        _cost_of_it, base = min(kept)
        columns = zip(own[base], whole, map(sum, zip(*own.values(), strict=True)), strict=True)
        own[base] = Effects(*(part + column - summed for part, column, summed in columns))
    return sorted_models(
        ModelVariance(
            provider=key[0],
            model=key[1],
            status=of_model.status,
            used=dict(sorted(of_model.used.items())),
            cost=of_model.cost,
            effects=own[key],
            kind_mix=kinds[key],
            lines=tuple(sorted(of_model.lines, key=_by_unit_and_kind)),
        )
        for key, of_model in by_key.items()
    )


def _by_unit_and_kind(line: UsageLine) -> tuple[str, str]:
    return line.unit, line.kind


def sorted_models(models: Iterable[ModelVariance]) -> tuple[ModelVariance, ...]:
    """The largest change first."""
    return tuple(sorted(models, key=lambda model: (-abs(model.change), model.provider, model.model)))
