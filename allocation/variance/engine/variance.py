"""The variance of a cost between two periods: volume, use per activity, mix, price and adjustments."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

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

METHOD = "shapley-1"
TOKEN = "token"  # noqa: S105  # a unit
REQUEST = "request"
GPU_HOUR = "gpu_hour"
# How many of what `used` counts make one of the unit.
PARTS = {TOKEN: 1, REQUEST: 1, GPU_HOUR: 10**9}
RATIO_PART = Decimal("0.0001")
INDEX_MAX = Fraction(10**6)
# With a smaller change in prices an elasticity is noise.
PRICE_CHANGE_MIN = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class UsageLine:
    """One kind of use of one model in two periods: `used` in tokens, requests or 10^-9 GPU hours, `cost` in 10^-9 of
    the currency. A cost without a quantity, such as a correction, has a quantity of 0.
    """

    provider: str
    model: str
    kind: str
    unit: str
    used: Pair
    cost: Pair

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.model


class Effects(NamedTuple):
    """In 10^-9 of the currency; they sum to the change. `intensity` is use per activity, such as tokens per task;
    `adjustments` is money booked without a quantity: corrections and moves between scopes.
    """

    volume: int
    intensity: int
    mix: int
    price: int
    adjustments: int


@dataclass(frozen=True, slots=True)
class ModelVariance:
    """One model's lines, and its part of every effect: they sum to the model's own change. `kind_mix` is the part of
    `mix` that comes from other kinds of use, such as fewer cached tokens. `used` is by unit.
    """

    provider: str
    model: str
    status: str
    used: Mapping[str, Pair]
    cost: Pair
    effects: Effects
    kind_mix: int
    lines: tuple[UsageLine, ...]

    @property
    def change(self) -> int:
        return self.cost[1] - self.cost[0]


@dataclass(frozen=True)
class Variance:
    """Amounts in 10^-9 of the currency; `used` by unit, as in `UsageLine`."""

    driver: Driver
    driver_reason: str
    activity: ActivityCounts
    used: Mapping[str, Pair]
    cost: Pair
    effects: Effects
    price_index: Decimal | None
    models: tuple[ModelVariance, ...] = ()
    method: str = METHOD

    @property
    def change(self) -> int:
        return self.cost[1] - self.cost[0]

    @property
    def status(self) -> str:
        before, after = (any(pair[side] for pair in self.used.values()) or bool(self.cost[side]) for side in SIDES)
        return "idle" if not before and not after else "new" if not before else "gone" if not after else "kept"

    @property
    def use_effect(self) -> int:
        """The cost of more or less use, at the mean of both periods' prices: volume and use per activity."""
        return self.effects.volume + self.effects.intensity

    @property
    def rebound_ratio(self) -> Decimal | None:
        """The use effect over the size of the price effect; None where prices did not change."""
        if not self.effects.price:
            return None
        with localcontext(prec=60):
            return (Decimal(self.use_effect) / abs(Decimal(self.effects.price))).quantize(RATIO_PART)

    @property
    def is_jevons(self) -> bool:
        """Prices fell, and more use cost more than that saved."""
        return self.effects.price < 0 and self.use_effect > -self.effects.price

    @cached_property
    def elasticity(self) -> Decimal | None:
        """ln(token ratio) / ln(price ratio), as observed: it says nothing of causes."""
        before, after = self.used.get(TOKEN, (0, 0))
        index = self.price_index
        if index is None or before <= 0 or after <= 0 or abs(index - 1) < PRICE_CHANGE_MIN:
            return None
        with localcontext(prec=28):
            return ((Decimal(after) / before).ln() / index.ln()).quantize(RATIO_PART)

    def mix_of(self, status: str) -> int:
        """What models of this status (entered, left, kept, adjusted) add to the mix by their own share."""
        return sum(model.effects.mix - model.kind_mix for model in self.models if model.status == status)

    @property
    def kind_mix(self) -> int:
        return sum(model.kind_mix for model in self.models)


@dataclass(frozen=True, slots=True)
class _UnitUse:
    """All use in one unit: by model, all models together, and the factors that effects are computed with."""

    models: Mapping[tuple[str, str], Sequence[UsageLine]]
    whole: PricedUse
    factors: Weights


def variance_of(
    lines: Iterable[UsageLine], activity: ActivityCounts, *, driver: Driver | None = None, by_model: bool = True
) -> Variance:
    """The change in cost of one scope as effects that sum to it exactly. `lines` has each (provider, model, kind, unit)
    once; `activity.tokens` is taken from the lines.
    """
    by_unit: dict[str, dict[tuple[str, str], list[UsageLine]]] = defaultdict(lambda: defaultdict(list))
    used: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    unmeasured: dict[tuple[str, str], int] = defaultdict(int)
    cost = [0, 0]
    all_lines = list(lines)
    for line in all_lines:
        unmeasured[line.key] += _unmeasured_change(line)
        for side in SIDES:
            cost[side] += line.cost[side]
            used[line.unit][side] += max(line.used[side], 0)
        if max(line.used) > 0:
            by_unit[line.unit][line.key].append(line)
    totals = {unit: (before, after) for unit, (before, after) in used.items() if before or after}
    tokens = totals.get(TOKEN, (0, 0))
    activity = ActivityCounts(activity.tasks, activity.task_requests, activity.requests, tokens)
    chosen = choose_driver(activity, driver)
    units = [_unit_use(models, activity.counted(chosen.driver)) for models in by_unit.values()]
    exact = _sum(effects(unit_use.whole, unit_use.factors) for unit_use in units)
    adjustments = sum(unmeasured.values())
    whole = _rounded(exact, adjustments, cost[1] - cost[0])
    return Variance(
        driver=chosen.driver,
        driver_reason=chosen.reason,
        activity=activity,
        used=totals,
        cost=(cost[0], cost[1]),
        effects=whole,
        price_index=_price_index(units),
        models=_models(all_lines, units, unmeasured, whole) if by_model else (),
    )


def _unmeasured_change(line: UsageLine) -> int:
    """The change in cost without a quantity, such as a correction."""
    before, after = (line.cost[side] if line.used[side] <= 0 else 0 for side in SIDES)
    return after - before


def _unit_use(models: Mapping[tuple[str, str], Sequence[UsageLine]], activity: Pair) -> _UnitUse:
    whole = priced_use(_measured(line) for model_lines in models.values() for line in model_lines)
    return _UnitUse(models, whole, weights(activity, whole.used))


def _measured(line: UsageLine) -> tuple[Pair, Pair]:
    used = tuple(max(line.used[side], 0) for side in SIDES)
    return used, tuple(line.cost[side] if used[side] else 0 for side in SIDES)  # type: ignore[return-value]  # pairs


def _sum(parts: Iterable[ExactEffects]) -> ExactEffects:
    total = ExactEffects()
    for part in parts:
        total = total.plus(part)
    return total


def _rounded(exact: ExactEffects, adjustments: int, change: int) -> Effects:
    """In whole 10^-9; the remainder of rounding goes to the largest effect, the first of equal ones."""
    wanted = (exact.volume, exact.intensity, exact.model_mix + exact.kind_mix, exact.price)
    parts = [round(part) for part in wanted]
    parts[_largest(wanted)] += change - adjustments - sum(parts)
    return Effects(parts[0], parts[1], parts[2], parts[3], adjustments)


def _largest(parts: Sequence[Fraction]) -> int:
    return max(range(len(parts)), key=lambda place: (abs(parts[place]), -place))


def _price_index(units: Iterable[_UnitUse]) -> Decimal | None:
    """Fisher's price index: the geometric mean of the price ratios at the old and at the new use. None where prices
    went from almost nothing to something or back, where no ratio is meaningful.
    """
    sums = [
        [sum((unit_use.whole.cost[side][priced] for unit_use in units), ZERO) for priced in SIDES] for side in SIDES
    ]
    if not all(part > 0 for pair in sums for part in pair):
        return None
    square = (sums[0][1] / sums[0][0]) * (sums[1][1] / sums[1][0])
    if not 1 / INDEX_MAX**2 <= square <= INDEX_MAX**2:
        return None
    with localcontext(prec=28):
        return (Decimal(square.numerator) / square.denominator).sqrt().quantize(Decimal("1E-9"))


def _models(
    lines: Sequence[UsageLine], units: Sequence[_UnitUse], unmeasured: Mapping[tuple[str, str], int], whole: Effects
) -> tuple[ModelVariance, ...]:
    """The largest change first. Each model is rounded by itself; the model with the highest cost takes the remainder of
    each column.
    """
    by_model_key: dict[tuple[str, str], list[UsageLine]] = defaultdict(list)
    for line in lines:
        by_model_key[line.key].append(line)
    costs = {
        key: tuple(sum(line.cost[side] for line in model_lines) for side in SIDES)
        for key, model_lines in by_model_key.items()
    }
    rounded: dict[tuple[str, str], Effects] = {}
    kinds: dict[tuple[str, str], int] = {}
    for key in by_model_key:
        exact = _sum(
            effects(priced_use(_measured(line) for line in unit_use.models[key]), unit_use.factors)
            for unit_use in units
            if key in unit_use.models
        )
        rounded[key] = _rounded(exact, unmeasured[key], costs[key][1] - costs[key][0])
        kinds[key] = round(exact.kind_mix)
    if rounded:
        base = min(rounded, key=lambda key: (-abs(costs[key][0]) - abs(costs[key][1]), key))
        rounded[base] = Effects(
            *(
                part + column - sum(row[place] for row in rounded.values())
                for place, (part, column) in enumerate(zip(rounded[base], whole, strict=True))
            )
        )
    models = [
        ModelVariance(
            provider=key[0],
            model=key[1],
            status=_status(model_lines),
            used=_used(model_lines),
            cost=costs[key],  # type: ignore[arg-type]  # a pair
            effects=rounded[key],
            kind_mix=kinds[key],
            lines=tuple(sorted(model_lines, key=lambda line: (line.unit, line.kind))),
        )
        for key, model_lines in by_model_key.items()
    ]
    return tuple(sorted(models, key=lambda model: (-abs(model.change), model.provider, model.model)))


def _status(lines: Sequence[UsageLine]) -> str:
    before, after = (any(line.used[side] > 0 for line in lines) for side in SIDES)
    return "kept" if before and after else "entered" if after else "left" if before else "adjusted"


def _used(lines: Sequence[UsageLine]) -> Mapping[str, Pair]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        for side in SIDES:
            sums[line.unit][side] += max(line.used[side], 0)
    return {unit: (before, after) for unit, (before, after) in sorted(sums.items()) if before or after}
