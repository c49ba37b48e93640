"""Recorded quantities at other prices: what the same work would cost."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from budgets.plans.engine.amounts import NANO
from budgets.scenarios.engine.assumptions import Assumptions

ZERO = Decimal(0)
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
STEPS = ("replaced", "tokens", "prices", "subsidies")
# What a meter costs where its own price is not stated, as calls are priced.
INSTEAD = {"cached_input": "input", "cache_write": "input", "cache_write_1h": "cache_write", "reasoning": "output"}


@dataclass(frozen=True, slots=True)
class Used:
    """What was recorded of one meter of a model, and what it cost."""

    provider: str
    model: str
    meter: str
    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class ModelRepriced:
    """A model's recorded cost, and its cost after each of STEPS. `by` is what replaced it, if something did."""

    provider: str
    model: str
    by: str
    recorded: Decimal
    after: tuple[Decimal, ...]
    meters_without_price: tuple[str, ...] = ()

    @property
    def repriced(self) -> Decimal:
        """After all steps."""
        return self.after[-1]


@dataclass(frozen=True, slots=True)
class Repriced:
    """Models, the most expensive first. `steps` are the changes by each of STEPS; they sum to the whole change."""

    models: tuple[ModelRepriced, ...]
    recorded: Decimal
    repriced: Decimal
    steps: Mapping[str, Decimal]


UnitPrices = Mapping[tuple[str, str], Mapping[str, Decimal]]


def reprice(
    used: Iterable[Used], assumed: Assumptions, prices: UnitPrices, *, token_meters: Collection[str]
) -> Repriced:
    """Each model's use at the prices assumed, to nine places. `prices` has the price of one unit by meter of every
    model that replaces one; a meter that it has no price for costs nothing, and is named.
    """
    by_model: dict[tuple[str, str], list[Used]] = defaultdict(list)
    for each in used:
        by_model[each.provider, each.model].append(each)
    with localcontext(EXACT):
        models = sorted(
            (_model(key, lines, assumed, prices, token_meters) for key, lines in by_model.items()),
            key=lambda each: (-each.repriced, each.provider, each.model),
        )
        totals = [sum((each.recorded for each in models), ZERO)]
        totals += [sum((each.after[number] for each in models), ZERO) for number in range(len(STEPS))]
        steps = {name: totals[number + 1] - totals[number] for number, name in enumerate(STEPS)}
    return Repriced(tuple(models), totals[0], totals[-1], steps)


def _model(
    key: tuple[str, str],
    lines: Sequence[Used],
    assumed: Assumptions,
    prices: UnitPrices,
    token_meters: Collection[str],
) -> ModelRepriced:
    provider, model = key
    target = assumed.replaced.get(model)
    missing: list[str] = []
    costs: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        cost = line.cost
        if target is not None and target != key:
            price = _price(prices[target], line.meter)
            if price is None and line.quantity and line.cost:
                missing.append(line.meter)
            cost = line.quantity * (price or ZERO)
        costs[line.meter] += cost
    payee = target[0] if target is not None else provider
    replaced = sum(costs.values(), ZERO)
    tokens = sum((cost for meter, cost in costs.items() if meter in token_meters), ZERO)
    more = replaced + tokens * (assumed.tokens - 1)
    priced = more * assumed.price_factor(payee)
    whole = priced / assumed.paid_share(payee)
    return ModelRepriced(
        provider, model, "/".join(target) if target is not None and target != key else "",
        sum((line.cost for line in lines), ZERO),
        tuple(each.quantize(NANO) for each in (replaced, more, priced, whole)),
        tuple(sorted(set(missing))),
    )  # fmt: skip


def _price(prices: Mapping[str, Decimal], meter: str) -> Decimal | None:
    """The price of one unit, or what stands for it."""
    while meter not in prices and meter in INSTEAD:
        meter = INSTEAD[meter]
    return prices.get(meter)
