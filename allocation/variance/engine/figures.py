"""The figures of a variance: what is compared, and what the change in cost is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from allocation.variance.engine.decomposition import SIDES, ZERO, Pair
from allocation.variance.engine.drivers import ActivityCounts, Driver

METHOD = "shapley-2"
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
    the currency. A cost without a quantity, such as a correction, has a quantity of 0. `foreign` is the cost in the
    currency of its price, 0 where that is not one other currency throughout.
    """

    provider: str
    model: str
    kind: str
    unit: str
    used: Pair
    cost: Pair
    foreign: Pair = (0, 0)

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.model


class Effects(NamedTuple):
    """In 10^-9 of the currency; they sum to the change. `intensity` is use per activity, such as tokens per task;
    `exchange` is what exchange rates do to prices; `new` and `ended` are the whole cost of models that a scope uses in
    one of the periods only; `adjustments` is money booked without a quantity: corrections and moves between scopes.
    """

    volume: int
    intensity: int
    mix: int
    price: int
    exchange: int
    new: int
    ended: int
    adjustments: int

    def plus(self, addend: "Effects") -> "Effects":
        return Effects(*(part + added for part, added in zip(self, addend, strict=True)))


NO_EFFECTS = Effects(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is new in a scope, or has ended there: a model, or with an empty model all of the scope's own use."""

    scope: str
    model: str
    amount: int


@dataclass(frozen=True, slots=True)
class Cheaper:
    """A model whose own price fell in a scope: what that saved, and what more use of it there cost (less: negative).
    `grew`: more of it was used.
    """

    scope: str
    model: str
    saved: int
    more_use: int
    grew: bool

    @property
    def is_jevons(self) -> bool:
        """More use cost more than the lower price saved."""
        return self.grew and self.more_use > self.saved


@dataclass(frozen=True, slots=True)
class CacheShare:
    """The cached share of a model's input in a scope, before and after, and what the change cost (saved: negative)."""

    scope: str
    model: str
    before: Fraction
    after: Fraction
    cost: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What is worth a sentence of its own, by scope and model."""

    new: tuple[Entry, ...] = ()
    ended: tuple[Entry, ...] = ()
    cheaper: tuple[Cheaper, ...] = ()
    cache: tuple[CacheShare, ...] = ()


# [side][priced]: the cost of all use of the period `side` at the prices of the period `priced`.
PricedSums = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]
NO_SUMS: PricedSums = ((ZERO, ZERO), (ZERO, ZERO))


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
    priced: PricedSums = NO_SUMS
    models: tuple[ModelVariance, ...] = ()
    findings: Findings = Findings()
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
        """Of the models whose own price fell in a scope: what more use of them there cost, over what that saved; None
        where no price fell.
        """
        saved = sum(cheaper.saved for cheaper in self.findings.cheaper)
        if not saved:
            return None
        with localcontext(prec=60):
            return (Decimal(sum(cheaper.more_use for cheaper in self.findings.cheaper)) / saved).quantize(RATIO_PART)

    @property
    def is_jevons(self) -> bool:
        """Whether the price of a model fell in a scope, and more use of it there cost more than that saved."""
        return any(cheaper.is_jevons for cheaper in self.findings.cheaper)

    @cached_property
    def price_index(self) -> Decimal | None:
        """Fisher's price index: the geometric mean of the price ratios at the old and at the new use. None where prices
        went from almost nothing to something or back, where no ratio is meaningful.
        """
        sums = self.priced
        if not all(part > 0 for pair in sums for part in pair):
            return None
        square = (sums[0][1] / sums[0][0]) * (sums[1][1] / sums[1][0])
        if not 1 / INDEX_MAX**2 <= square <= INDEX_MAX**2:
            return None
        with localcontext(prec=28):
            return (Decimal(square.numerator) / square.denominator).sqrt().quantize(Decimal("1E-9"))

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
