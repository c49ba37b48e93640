"""What moved: the change in cost between two periods, told as volume, use per activity, mix, price and adjustments."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from allocation.variance.engine.decomposition import BOTH, ZERO, Exact, Pair, Weights, Worth, effects, weights, worth
from allocation.variance.engine.drivers import Activity, Driver, choose

METHOD = "shapley-1"
TOKEN = "token"  # noqa: S105  # a unit
REQUEST = "request"
GPU_HOUR = "gpu_hour"
# How many of what `used` counts make one of the unit.
PARTS = {TOKEN: 1, REQUEST: 1, GPU_HOUR: 10**9}
RATIO_PART = Decimal("0.0001")
INDEX_MAX = Fraction(10**6)
# Prices this close to each other say nothing about how use answers to them.
PRICE_STOOD_STILL = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Line:
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
    """One model's lines, and its part of every effect: they sum to the model's own change. `kind_mix` is what of `mix`
    comes from other kinds of use, such as fewer cached tokens. `used` is by unit.
    """

    provider: str
    model: str
    status: str
    used: Mapping[str, Pair]
    cost: Pair
    effects: Effects
    kind_mix: int
    lines: tuple[Line, ...]

    @property
    def change(self) -> int:
        return self.cost[1] - self.cost[0]


@dataclass(frozen=True)
class Variance:
    """Amounts in 10^-9 of the currency; `used` by unit, as in `Line`."""

    driver: Driver
    driver_reason: str
    activity: Activity
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
        before, after = (any(pair[of] for pair in self.used.values()) or bool(self.cost[of]) for of in BOTH)
        return "idle" if not before and not after else "new" if not before else "gone" if not after else "kept"

    @property
    def consumption(self) -> int:
        """What more or less was used, at the mean of both periods' prices: volume and use per activity."""
        return self.effects.volume + self.effects.intensity

    @property
    def rebound_ratio(self) -> Decimal | None:
        """How much of what prices gave (or took) use took (or gave) back; None where prices stood still."""
        if not self.effects.price:
            return None
        with localcontext(prec=60):
            return (Decimal(self.consumption) / abs(Decimal(self.effects.price))).quantize(RATIO_PART)

    @property
    def is_jevons(self) -> bool:
        """Prices fell, and more use took more than that."""
        return self.effects.price < 0 and self.consumption > -self.effects.price

    @cached_property
    def elasticity(self) -> Decimal | None:
        """ln of the ratio of tokens by ln of that of prices: what was seen, not what causes what."""
        before, after = self.used.get(TOKEN, (0, 0))
        index = self.price_index
        if index is None or before <= 0 or after <= 0 or abs(index - 1) < PRICE_STOOD_STILL:
            return None
        with localcontext(prec=28):
            return ((Decimal(after) / before).ln() / index.ln()).quantize(RATIO_PART)

    def mix_of(self, status: str) -> int:
        """What entered, left or kept models add to the mix by their own share."""
        return sum(one.effects.mix - one.kind_mix for one in self.models if one.status == status)

    @property
    def kind_mix(self) -> int:
        return sum(one.kind_mix for one in self.models)


@dataclass(frozen=True, slots=True)
class _Block:
    """The use in one unit: its models, all of them together, and what effects are worked out by."""

    models: Mapping[tuple[str, str], Sequence[Line]]
    whole: Worth
    by: Weights


def variance_of(
    lines: Iterable[Line], activity: Activity, *, driver: Driver | None = None, by_model: bool = True
) -> Variance:
    """`lines` of one scope, each (provider, model, kind, unit) once. `activity.tokens` is taken from the lines."""
    by_unit: dict[str, dict[tuple[str, str], list[Line]]] = defaultdict(lambda: defaultdict(list))
    used: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    loose: dict[tuple[str, str], int] = defaultdict(int)
    cost = [0, 0]
    everything = list(lines)
    for line in everything:
        loose[line.key] += _loose(line)
        for of in BOTH:
            cost[of] += line.cost[of]
            used[line.unit][of] += max(line.used[of], 0)
        if max(line.used) > 0:
            by_unit[line.unit][line.key].append(line)
    totals = {unit: (before, after) for unit, (before, after) in used.items() if before or after}
    tokens = totals.get(TOKEN, (0, 0))
    activity = Activity(activity.tasks, activity.task_requests, activity.requests, tokens)
    chosen = choose(activity, driver)
    blocks = [_block(models, activity.counted(chosen.driver)) for models in by_unit.values()]
    exact = _sum(effects(block.whole, block.by) for block in blocks)
    adjusted = sum(loose.values())
    whole = _rounded(exact, adjusted, cost[1] - cost[0])
    return Variance(
        driver=chosen.driver,
        driver_reason=chosen.reason,
        activity=activity,
        used=totals,
        cost=(cost[0], cost[1]),
        effects=whole,
        price_index=_price_index(blocks),
        models=_models(everything, blocks, loose, whole) if by_model else (),
    )


def _loose(line: Line) -> int:
    """The change in cost that no quantity stands beside."""
    before, after = (line.cost[of] if line.used[of] <= 0 else 0 for of in BOTH)
    return after - before


def _block(models: Mapping[tuple[str, str], Sequence[Line]], activity: Pair) -> _Block:
    whole = worth(_measured(line) for own in models.values() for line in own)
    return _Block(models, whole, weights(activity, whole.used))


def _measured(line: Line) -> tuple[Pair, Pair]:
    used = tuple(max(line.used[of], 0) for of in BOTH)
    return used, tuple(line.cost[of] if used[of] else 0 for of in BOTH)  # type: ignore[return-value]  # pairs


def _sum(parts: Iterable[Exact]) -> Exact:
    total = Exact()
    for part in parts:
        total = total.plus(part)
    return total


def _rounded(exact: Exact, adjustments: int, change: int) -> Effects:
    """To nine places; what rounding leaves over goes to the largest effect, the first of equal ones."""
    wanted = (exact.volume, exact.intensity, exact.model_mix + exact.kind_mix, exact.price)
    parts = [round(part) for part in wanted]
    parts[_largest(wanted)] += change - adjustments - sum(parts)
    return Effects(parts[0], parts[1], parts[2], parts[3], adjustments)


def _largest(parts: Sequence[Fraction]) -> int:
    return max(range(len(parts)), key=lambda place: (abs(parts[place]), -place))


def _price_index(blocks: Iterable[_Block]) -> Decimal | None:
    """Fisher's: the mean ratio of prices, at the old use and at the new. None where it is no ratio of prices any more,
    such as from almost nothing to something.
    """
    sums = [[sum((block.whole.at[of][priced] for block in blocks), ZERO) for priced in BOTH] for of in BOTH]
    if not all(part > 0 for pair in sums for part in pair):
        return None
    square = (sums[0][1] / sums[0][0]) * (sums[1][1] / sums[1][0])
    if not 1 / INDEX_MAX**2 <= square <= INDEX_MAX**2:
        return None
    with localcontext(prec=28):
        return (Decimal(square.numerator) / square.denominator).sqrt().quantize(Decimal("1E-9"))


def _models(
    lines: Sequence[Line], blocks: Sequence[_Block], loose: Mapping[tuple[str, str], int], whole: Effects
) -> tuple[ModelVariance, ...]:
    """Dearest change first. Each model is rounded by itself; the largest takes what the columns still need."""
    own: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        own[line.key].append(line)
    costs = {key: tuple(sum(line.cost[of] for line in mine) for of in BOTH) for key, mine in own.items()}
    rows: dict[tuple[str, str], Effects] = {}
    kinds: dict[tuple[str, str], int] = {}
    for key in own:
        exact = _sum(
            effects(worth(_measured(line) for line in block.models[key]), block.by)
            for block in blocks
            if key in block.models
        )
        rows[key] = _rounded(exact, loose[key], costs[key][1] - costs[key][0])
        kinds[key] = round(exact.kind_mix)
    if rows:
        base = min(rows, key=lambda key: (-abs(costs[key][0]) - abs(costs[key][1]), key))
        rows[base] = Effects(
            *(
                mine + column - sum(row[place] for row in rows.values())
                for place, (mine, column) in enumerate(zip(rows[base], whole, strict=True))
            )
        )
    found = [
        ModelVariance(
            provider=key[0],
            model=key[1],
            status=_status(mine),
            used=_used(mine),
            cost=costs[key],  # type: ignore[arg-type]  # a pair
            effects=rows[key],
            kind_mix=kinds[key],
            lines=tuple(sorted(mine, key=lambda line: (line.unit, line.kind))),
        )
        for key, mine in own.items()
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.change), one.provider, one.model)))


def _status(lines: Sequence[Line]) -> str:
    before, after = (any(line.used[of] > 0 for line in lines) for of in BOTH)
    return "kept" if before and after else "entered" if after else "left" if before else "adjusted"


def _used(lines: Sequence[Line]) -> Mapping[str, Pair]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        for of in BOTH:
            sums[line.unit][of] += max(line.used[of], 0)
    return {unit: (before, after) for unit, (before, after) in sorted(sums.items()) if before or after}
