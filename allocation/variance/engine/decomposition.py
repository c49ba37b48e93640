"""Cost = activity × use per activity × shares × price: what each of the four adds to a change, exactly.

Each effect is the Shapley average over all orders in which the factors may change; for two factors that is Bennet's
(1920). Shares are in turn those of models and, within a model, those of kinds of use; their part is split between the
two by Bennet's average, which makes the whole an Owen value. Reference: Diewert, AJES 64(1) 2005, 311-360.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

ZERO = Fraction(0)
HALF = Fraction(1, 2)
# Of four factors, the share of orders in which a factor changes after this many others have.
ORDERS = (Fraction(1, 4), Fraction(1, 12), Fraction(1, 12), Fraction(1, 4))
BOTH = (0, 1)
Pair = tuple[int, int]


class Exact(NamedTuple):
    """Effects on cost. `intensity` is use per activity, such as tokens per task."""

    volume: Fraction = ZERO
    intensity: Fraction = ZERO
    model_mix: Fraction = ZERO
    kind_mix: Fraction = ZERO
    price: Fraction = ZERO

    def plus(self, other: "Exact") -> "Exact":
        return Exact(*(one + two for one, two in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Worth:
    """What the use of one period costs at the prices of a period: `at[of][priced]`, with how much was used."""

    used: Pair
    at: tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]


def worth(lines: Iterable[tuple[Pair, Pair]]) -> Worth:
    """Of the kinds of use of one model, or of all, each ((quantity before, after), (cost before, after)). What was used
    in one period only has one known price, which stands for the other's too. A cost without a quantity has no place
    here.
    """
    used = [0, 0]
    own = [0, 0]
    # Ratios are reduced once, when they are summed: a greatest common divisor for each would take most of the time.
    old_use_at_new, new_use_at_old = _Sum(), _Sum()
    for (before, after), (cost_before, cost_after) in lines:
        used[0] += before
        used[1] += after
        own[0] += cost_before
        own[1] += cost_after
        old_use_at_new.add(*((before * cost_after, after) if after else (cost_before, 1)))
        new_use_at_old.add(*((after * cost_before, before) if before else (cost_after, 1)))
    return Worth(
        (used[0], used[1]),
        ((Fraction(own[0]), old_use_at_new.reduced()), (new_use_at_old.reduced(), Fraction(own[1]))),
    )


@dataclass(slots=True)
class _Sum:
    over: int = 0
    under: int = 1

    def add(self, over: int, under: int) -> None:
        self.over = self.over * under + over * self.under
        self.under *= under

    def reduced(self) -> Fraction:
        return Fraction(self.over, self.under)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the effects of one scope are worked out by, from its activity and the total of its use."""

    total: Pair
    volume: Sequence[Sequence[Fraction]]
    intensity: Sequence[Sequence[Fraction]]
    shares: tuple[Fraction, Fraction]


def weights(activity: Pair, total: Pair) -> Weights:
    """An activity that does not cover the use (none of it in a period with use) gives way to the use itself."""
    if any(not activity[of] and total[of] for of in BOTH):
        activity = total
    per = [Fraction(total[of], activity[of]) if activity[of] else None for of in BOTH]
    before, after = per[0] if per[0] is not None else per[1], per[1] if per[1] is not None else per[0]
    assert before is not None and after is not None  # noqa: PT018, S101  # there is use in one of the periods
    intensity = (before, after)
    return Weights(
        total=total,
        volume=[
            [
                (activity[1] - activity[0]) * sum((ORDERS[one + of + priced] * intensity[one] for one in BOTH), ZERO)
                for priced in BOTH
            ]
            for of in BOTH
        ],
        intensity=[
            [(after - before) * sum(ORDERS[one + of + priced] * activity[one] for one in BOTH) for priced in BOTH]
            for of in BOTH
        ],
        shares=tuple(
            sum((ORDERS[one + two + other] * activity[one] * intensity[two] for one in BOTH for two in BOTH), ZERO)
            for other in BOTH
        ),  # type: ignore[arg-type]  # two of them
    )


def effects(model: Worth, by: Weights) -> Exact:
    """What one model, or all of them together, adds to each effect; `kind_mix` holds all mix where `model` is all."""
    price = per_unit(model, by.total)
    volume = intensity = ZERO
    for of in BOTH:
        for priced in BOTH:
            volume += by.volume[of][priced] * price[of][priced]
            intensity += by.intensity[of][priced] * price[of][priced]
    mix = sum((by.shares[priced] * (price[1][priced] - price[0][priced]) for priced in BOTH), ZERO)
    models = model_mix(model, by)
    return Exact(
        volume=volume,
        intensity=intensity,
        model_mix=models,
        kind_mix=mix - models,
        price=sum((by.shares[of] * (price[of][1] - price[of][0]) for of in BOTH), ZERO),
    )


def model_mix(model: Worth, by: Weights) -> Fraction:
    """Of the change in shares, the part that is the model's own share, at the mean of its kinds."""
    if not by.total[0] or not by.total[1]:
        return ZERO
    moved = Fraction(model.used[1], by.total[1]) - Fraction(model.used[0], by.total[0])
    inside = per_unit(model, model.used)
    return moved * HALF * sum((by.shares[priced] * (inside[0][priced] + inside[1][priced]) for priced in BOTH), ZERO)


def per_unit(model: Worth, total: Pair) -> Sequence[Sequence[Fraction]]:
    """Cost of the model per unit of `total`; a period without any use has the other's."""
    known = [[priced / total[of] for priced in model.at[of]] if total[of] else None for of in BOTH]
    before, after = known[0] or known[1], known[1] or known[0]
    assert before is not None and after is not None  # noqa: PT018, S101  # a model is known by its use
    return (before, after)
