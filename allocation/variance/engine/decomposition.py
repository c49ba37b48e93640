"""Cost = activity × use per activity × shares × price: what each of the four adds to a change, exactly.

Each effect is the Shapley average over all orders in which the factors may change; for two factors that is Bennet's
(1920). Shares are in turn those of models and, within a model, those of kinds of use; their part is split between the
two by Bennet's average, which makes the whole an Owen value. Reference: Diewert, AJES 64(1) 2005, 311-360.

All is computed in whole numbers over a common divisor. Fractions would be reduced at every step, which takes most of
the time of many models.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import mul
from typing import NamedTuple

ZERO = Fraction(0)
HALF = Fraction(1, 2)
NO_EXCHANGE = (ZERO, ZERO)
# Of four factors, in how many of twelve orders a factor changes after this many others have.
ORDERS = (3, 1, 1, 3)
ORDERS_SUM = 12
SIDES = (0, 1)
Pair = tuple[int, int]


class Ratio(NamedTuple):
    """A fraction that is not reduced; the divisor is positive."""

    numerator: int = 0
    divisor: int = 1

    def plus(self, addend: "Ratio") -> "Ratio":
        if self.divisor == addend.divisor:
            return Ratio(self.numerator + addend.numerator, self.divisor)
        return Ratio(self.numerator * addend.divisor + addend.numerator * self.divisor, self.divisor * addend.divisor)

    def rounded(self) -> int:
        return rounded(self.numerator, self.divisor)


def rounded(numerator: int, divisor: int) -> int:
    """Half to even."""
    whole, rest = divmod(numerator, divisor)
    rest *= 2
    return whole + 1 if rest > divisor or (rest == divisor and whole % 2) else whole


class ExactEffects(NamedTuple):
    """Effects on cost, each over `divisor`; `kind_mix` is the part of `mix` that comes from other kinds of use.
    `intensity` is use per activity, such as tokens per task.
    """

    divisor: int = 1
    volume: int = 0
    intensity: int = 0
    mix: int = 0
    price: int = 0
    exchange: int = 0
    kind_mix: Ratio = Ratio()

    def plus(self, addend: "ExactEffects") -> "ExactEffects":
        own, other = (1, 1) if self.divisor == addend.divisor else (addend.divisor, self.divisor)
        return ExactEffects(
            self.divisor * own,
            self.volume * own + addend.volume * other,
            self.intensity * own + addend.intensity * other,
            self.mix * own + addend.mix * other,
            self.price * own + addend.price * other,
            self.exchange * own + addend.exchange * other,
            self.kind_mix.plus(addend.kind_mix),
        )


class PricedUse(NamedTuple):
    """How much was used, and what it costs: the own cost of each period, the use of the period before at the prices of
    the one after, and the use of the one after at the prices before. `exchange` is what exchange rates do to the price
    of all use of each period.
    """

    used: Pair = (0, 0)
    own_cost: Pair = (0, 0)
    old_use_at_new: Ratio = Ratio()
    new_use_at_old: Ratio = Ratio()
    exchange: tuple[Fraction, Fraction] = NO_EXCHANGE

    def plus(self, addend: "PricedUse") -> "PricedUse":
        return PricedUse(
            (self.used[0] + addend.used[0], self.used[1] + addend.used[1]),
            (self.own_cost[0] + addend.own_cost[0], self.own_cost[1] + addend.own_cost[1]),
            self.old_use_at_new.plus(addend.old_use_at_new),
            self.new_use_at_old.plus(addend.new_use_at_old),
            (self.exchange[0] + addend.exchange[0], self.exchange[1] + addend.exchange[1])
            if addend.exchange != NO_EXCHANGE
            else self.exchange,
        )

    def costs(self) -> tuple[Sequence[int], int]:
        """By [side][priced] in one row, with their divisor: the use of the period `side` at the prices of the period
        `priced`; 0 is the period before, 1 the one after.
        """
        (at_new, by_new), (at_old, by_old) = self.old_use_at_new, self.new_use_at_old
        if by_new == by_old:
            return (self.own_cost[0] * by_new, at_new, at_old, self.own_cost[1] * by_new), by_new
        divisor = by_new * by_old
        return (self.own_cost[0] * divisor, at_new * by_old, at_old * by_new, self.own_cost[1] * divisor), divisor


def priced_use(lines: Iterable[tuple[Pair, Pair, Pair]]) -> PricedUse:
    """Sum over kinds of use of one model; each line is ((quantity before, after), (cost before, after), (the cost in
    the currency of its price before, after, or 0)). A kind used in one period only has one known price, which is taken
    for both. Every cost needs a quantity.
    """
    exchange = NO_EXCHANGE
    used_before = used_after = own_before = own_after = 0
    # What divides without a rest, as a price that did not change within its period does, keeps the divisors small.
    whole_at_new = whole_at_old = 0
    at_new, at_old = Ratio(), Ratio()
    for (before, after), (cost_before, cost_after), foreign in lines:
        if foreign[0] and foreign[1] and before and after:
            step = _exchange_step((before, after), (cost_before, cost_after), foreign)
            exchange = (exchange[0] + before * step, exchange[1] + after * step)
        used_before += before
        used_after += after
        own_before += cost_before
        own_after += cost_after
        whole, rest = divmod(before * cost_after, after) if after else (cost_before, 0)
        whole_at_new += whole
        if rest:
            at_new = at_new.plus(Ratio(rest, after))
        whole, rest = divmod(after * cost_before, before) if before else (cost_after, 0)
        whole_at_old += whole
        if rest:
            at_old = at_old.plus(Ratio(rest, before))
    return PricedUse(
        (used_before, used_after),
        (own_before, own_after),
        Ratio(at_new.numerator + whole_at_new * at_new.divisor, at_new.divisor),
        Ratio(at_old.numerator + whole_at_old * at_old.divisor, at_old.divisor),
        exchange,
    )


def _exchange_step(used: Pair, cost: Pair, foreign: Pair) -> Fraction:
    """How much of a unit's change in price comes from the exchange rate: its change at the mean price in the currency
    of the price (Bennet's).
    """
    prices = Fraction(foreign[0], used[0]) + Fraction(foreign[1], used[1])
    return HALF * prices * (Fraction(cost[1], foreign[1]) - Fraction(cost[0], foreign[0]))


@dataclass(frozen=True, slots=True)
class Weights:
    """The factors by which costs count in each effect of one scope, from its activity and the total of its use: by
    [side][priced] in one row, over `divisor`. `shares` are those of a unit of use, over `shares_divisor`.
    """

    total: Pair
    divisor: int
    volume: Sequence[int]
    intensity: Sequence[int]
    mix: Sequence[int]
    price: Sequence[int]
    shares: Pair
    shares_divisor: int


def weights(activity: Pair, total: Pair) -> Weights:
    """Where a period has use but no activity, the use itself is taken as the activity. There is use in one of them."""
    if any(not activity[side] and total[side] for side in SIDES):
        activity = total
    # Use per activity as a ratio, and whose prices count; a period without any takes the other's.
    known = [side if activity[side] else 1 - side for side in SIDES]
    use, per = [total[side] for side in known], [activity[side] for side in known]
    ratios = (use[0] * per[1], use[1] * per[0])
    moved, grown = activity[1] - activity[0], ratios[1] - ratios[0]
    by_ratio = [ORDERS[place] * ratios[0] + ORDERS[place + 1] * ratios[1] for place in range(3)]
    by_activity = [ORDERS[place] * activity[0] + ORDERS[place + 1] * activity[1] for place in range(3)]
    shares = [
        sum(ORDERS[done + used + side] * activity[done] * ratios[used] for done in SIDES for used in SIDES)
        for side in SIDES
    ]
    priced_by = [side if total[side] else 1 - side for side in SIDES]
    scale = [total[priced_by[1 - side]] for side in SIDES]
    rows = [[0, 0, 0, 0] for _row in range(4)]
    for side in SIDES:
        for priced in SIDES:
            place = 2 * priced_by[side] + priced
            rows[0][place] += scale[side] * moved * by_ratio[side + priced]
            rows[1][place] += scale[side] * grown * by_activity[side + priced]
            rows[2][place] += scale[side] * (shares[priced] if side else -shares[priced])
            rows[3][place] += scale[side] * (shares[side] if priced else -shares[side])
    shares_divisor = ORDERS_SUM * per[0] * per[1]
    return Weights(
        total=total,
        divisor=shares_divisor * scale[0] * scale[1],
        volume=rows[0],
        intensity=rows[1],
        mix=rows[2],
        price=rows[3],
        shares=(shares[0], shares[1]),
        shares_divisor=shares_divisor,
    )


def effects(model: PricedUse, factors: Weights) -> ExactEffects:
    """What one model, or all models together, add to each effect."""
    costs, divisor = model.costs()
    mix = sum(map(mul, factors.mix, costs))
    own, share = _model_mix(model, costs, factors)
    exact = ExactEffects(
        factors.divisor * divisor,
        sum(map(mul, factors.volume, costs)),
        sum(map(mul, factors.intensity, costs)),
        mix,
        sum(map(mul, factors.price, costs)),
        kind_mix=Ratio(mix * share - own, factors.divisor * divisor * share),
    )
    return _with_exchange(exact, model, factors) if model.exchange != NO_EXCHANGE else exact


def _with_exchange(exact: ExactEffects, model: PricedUse, factors: Weights) -> ExactEffects:
    """What exchange rates do is told apart from the price."""
    of_rates = sum(
        (Fraction(factors.shares[side], factors.shares_divisor * factors.total[side]) * model.exchange[side])
        for side in SIDES
    )
    rates = ExactEffects(divisor=of_rates.denominator, price=-of_rates.numerator, exchange=of_rates.numerator)
    return exact.plus(rates)


def _model_mix(model: PricedUse, costs: Sequence[int], factors: Weights) -> tuple[int, int]:
    """The part of the mix that comes from the change in the model's own share, valued at its mean price; over the
    divisor of its effects times the second number.
    """
    total, used = factors.total, model.used
    moved = used[1] * total[0] - used[0] * total[1]
    if not moved or not total[0] or not total[1]:
        return 0, 1
    before, after = (0 if used[0] else 1), (1 if used[1] else 0)
    at_old, at_new = (
        used[after] * costs[2 * before + priced] + used[before] * costs[2 * after + priced] for priced in SIDES
    )
    priced_mean = factors.shares[0] * at_old + factors.shares[1] * at_new
    return moved * priced_mean, 2 * used[before] * used[after]
