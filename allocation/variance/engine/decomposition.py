"""Cost = activity × use per activity × shares × price: what each of the four adds to a change, exactly.

Each effect is the Shapley average over all orders in which the factors may change; for two factors that is Bennet's
(1920). Shares are in turn those of models and, within a model, those of kinds of use; their part is split between the
two by Bennet's average, which makes the whole an Owen value. Reference: Diewert, AJES 64(1) 2005, 311-360.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from operator import mul
from typing import NamedTuple

ZERO = Fraction(0)
HALF = Fraction(1, 2)
# Of four factors, the share of orders in which a factor changes after this many others have.
ORDERS = (Fraction(1, 4), Fraction(1, 12), Fraction(1, 12), Fraction(1, 4))
SIDES = (0, 1)
Pair = tuple[int, int]


class ExactEffects(NamedTuple):
    """Effects on cost. `intensity` is use per activity, such as tokens per task."""

    volume: Fraction = ZERO
    intensity: Fraction = ZERO
    model_mix: Fraction = ZERO
    kind_mix: Fraction = ZERO
    price: Fraction = ZERO
    exchange: Fraction = ZERO

    def plus(self, addend: "ExactEffects") -> "ExactEffects":
        return ExactEffects(*(part + added for part, added in zip(self, addend, strict=True)))


@dataclass(frozen=True, slots=True)
class PricedUse:
    """How much was used, and what it costs: `cost[side][priced]` is the use of the period `side` at the prices of the
    period `priced`; 0 is the period before, 1 the one after.
    """

    used: Pair
    cost: tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]
    exchange: tuple[Fraction, Fraction] = (ZERO, ZERO)


def priced_use(lines: Iterable[tuple[Pair, Pair, Pair]]) -> PricedUse:
    """Sum over kinds of use of one model, or of all models; each line is ((quantity before, after), (cost before,
    after), (the cost in the currency of its price before, after, or 0)). A kind used in one period only has one known
    price, which is taken for both. Every cost needs a quantity.
    """
    exchange = [ZERO, ZERO]
    used = [0, 0]
    own_cost = [0, 0]
    # Ratios are reduced once, after summing: a greatest common divisor for each would take most of the time.
    old_use_at_new, new_use_at_old = _FractionSum(), _FractionSum()
    for (before, after), (cost_before, cost_after), foreign in lines:
        if all(foreign) and before and after:
            step = _exchange_step((before, after), (cost_before, cost_after), foreign)
            exchange[0] += before * step
            exchange[1] += after * step
        used[0] += before
        used[1] += after
        own_cost[0] += cost_before
        own_cost[1] += cost_after
        old_use_at_new.add(*((before * cost_after, after) if after else (cost_before, 1)))
        new_use_at_old.add(*((after * cost_before, before) if before else (cost_after, 1)))
    return PricedUse(
        (used[0], used[1]),
        ((Fraction(own_cost[0]), old_use_at_new.reduced()), (new_use_at_old.reduced(), Fraction(own_cost[1]))),
        (exchange[0], exchange[1]),
    )


def _exchange_step(used: Pair, cost: Pair, foreign: Pair) -> Fraction:
    """How much of a unit's change in price comes from the exchange rate: its change at the mean price in the currency
    of the price (Bennet's).
    """
    prices = Fraction(foreign[0], used[0]) + Fraction(foreign[1], used[1])
    return HALF * prices * (Fraction(cost[1], foreign[1]) - Fraction(cost[0], foreign[0]))


@dataclass(slots=True)
class _FractionSum:
    numerator: int = 0
    denominator: int = 1

    def add(self, numerator: int, denominator: int) -> None:
        self.numerator = self.numerator * denominator + numerator * self.denominator
        self.denominator *= denominator

    def reduced(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Weights:
    """The factors by which prices count in each effect of one scope, from its activity and the total of its use."""

    total: Pair
    volume: Sequence[Sequence[Fraction]]
    intensity: Sequence[Sequence[Fraction]]
    shares: tuple[Fraction, Fraction]
    linear: "_Linear | None" = None


@dataclass(frozen=True, slots=True)
class _Linear:
    """Where both periods have use, each effect is a sum of costs: its factors, by [side][priced] in one row, as whole
    numbers over `divisor`. Fractions would be reduced at every step, which takes most of the time of many models.
    """

    divisor: int
    volume: Sequence[int]
    intensity: Sequence[int]
    mix: Sequence[int]
    price: Sequence[int]


def weights(activity: Pair, total: Pair) -> Weights:
    """Where a period has use but no activity, the use itself is taken as the activity."""
    if any(not activity[side] and total[side] for side in SIDES):
        activity = total
    intensities = [Fraction(total[side], activity[side]) if activity[side] else None for side in SIDES]
    before = intensities[0] if intensities[0] is not None else intensities[1]
    after = intensities[1] if intensities[1] is not None else intensities[0]
    assert before is not None and after is not None  # noqa: PT018, S101  # there is use in one of the periods
    intensity = (before, after)
    factors = Weights(
        total=total,
        volume=[
            [
                (activity[1] - activity[0])
                * sum((ORDERS[used + side + priced] * intensity[used] for used in SIDES), ZERO)
                for priced in SIDES
            ]
            for side in SIDES
        ],
        intensity=[
            [
                (after - before) * sum(ORDERS[done + side + priced] * activity[done] for done in SIDES)
                for priced in SIDES
            ]
            for side in SIDES
        ],
        shares=tuple(
            sum(
                (ORDERS[done + used + side] * activity[done] * intensity[used] for done in SIDES for used in SIDES),
                ZERO,
            )
            for side in SIDES
        ),  # type: ignore[arg-type]  # two of them
    )
    return replace(factors, linear=_linear(factors)) if all(total) else factors


def _linear(factors: Weights) -> _Linear:
    places = [(side, priced) for side in SIDES for priced in SIDES]
    per_unit_of = [Fraction(1, total) for total in factors.total]
    rows = [
        [factors.volume[side][priced] * per_unit_of[side] for side, priced in places],
        [factors.intensity[side][priced] * per_unit_of[side] for side, priced in places],
        [factors.shares[priced] * per_unit_of[side] * (1 if side else -1) for side, priced in places],
        [factors.shares[side] * per_unit_of[side] * (1 if priced else -1) for side, priced in places],
    ]
    divisor = lcm(*(part.denominator for row in rows for part in row))
    whole = [[part.numerator * (divisor // part.denominator) for part in row] for row in rows]
    return _Linear(divisor, *whole)


def effects(model: PricedUse, factors: Weights) -> ExactEffects:
    """What one model, or all models together, add to each effect; for all together `kind_mix` holds the whole mix."""
    if factors.linear is not None:
        return _linear_effects(model, factors, factors.linear)
    price = per_unit(model, factors.total)
    volume = intensity = ZERO
    for side in SIDES:
        for priced in SIDES:
            volume += factors.volume[side][priced] * price[side][priced]
            intensity += factors.intensity[side][priced] * price[side][priced]
    mix = sum((factors.shares[priced] * (price[1][priced] - price[0][priced]) for priced in SIDES), ZERO)
    models = model_mix(model, factors)
    prices = sum((factors.shares[side] * (price[side][1] - price[side][0]) for side in SIDES), ZERO)
    return ExactEffects(
        volume=volume,
        intensity=intensity,
        model_mix=models,
        kind_mix=mix - models,
        price=prices,
    )


def _linear_effects(model: PricedUse, factors: Weights, linear: _Linear) -> ExactEffects:
    costs = [cost for of_side in model.cost for cost in of_side]
    divisor = lcm(*(cost.denominator for cost in costs))
    whole = [cost.numerator * (divisor // cost.denominator) for cost in costs]
    volume, intensity, mix, prices = (
        Fraction(sum(map(mul, row, whole)), linear.divisor * divisor)
        for row in (linear.volume, linear.intensity, linear.mix, linear.price)
    )
    exchange = ZERO
    if any(model.exchange):
        exchange = sum((factors.shares[side] * model.exchange[side] / factors.total[side] for side in SIDES), ZERO)
    models = model_mix(model, factors)
    return ExactEffects(volume, intensity, models, mix - models, prices - exchange, exchange)


def model_mix(model: PricedUse, factors: Weights) -> Fraction:
    """The part of the mix that comes from the change in the model's own share, valued at its mean price."""
    if not factors.total[0] or not factors.total[1]:
        return ZERO
    moved = model.used[1] * factors.total[0] - model.used[0] * factors.total[1]
    if not moved:
        return ZERO
    share_change = Fraction(moved, factors.total[0] * factors.total[1])
    own_prices = per_unit(model, model.used)
    return (
        share_change
        * HALF
        * sum((factors.shares[priced] * (own_prices[0][priced] + own_prices[1][priced]) for priced in SIDES), ZERO)
    )


def per_unit(model: PricedUse, total: Pair) -> Sequence[Sequence[Fraction]]:
    """Cost of the model per unit of `total`, by period; a period without any use takes the other period's."""
    known = [[cost / total[side] for cost in model.cost[side]] if total[side] else None for side in SIDES]
    before, after = known[0] or known[1], known[1] or known[0]
    assert before is not None and after is not None  # noqa: PT018, S101  # a model is known by its use
    return (before, after)
