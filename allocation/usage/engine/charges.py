"""Charge lines: what each meter of a model cost on a day, in FOCUS's terms. They sum to what the records cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from allocation.meters.documents import MILLION, PRICED_PER
from allocation.meters.engine.apportion import apportion
from allocation.prices.engine.rates import (
    AMOUNTS,
    QUANTITY_PLACES,
    QUANTITY_SCALE,
    RateCard,
    by_meter,
    divide_half_even,
    to_nanos,
)
from allocation.usage.engine.call_prices import GPU_HOUR, HOUR_S
from allocation.usage.engine.roll_ups import Key, PricedAs, PricedSums, Sums, day_of

CORRECTION = "Correction"
ADJUSTMENT = "adjustment"
REQUEST = "request"
PRICE_PART = Decimal("1e-12")
PER_MILLION = 6


class ChargeKey(NamedTuple):
    """What charge lines are summed by. Unit prices are per million tokens, per request or per GPU hour; None where none
    is stated.
    """

    day: date
    scope_id: int
    provider: str
    model: str
    activity: str
    service_tier: str
    price_source: str
    price_version: str
    charge_class: str
    meter: str
    list_unit_price: Decimal | None
    contracted_unit_price: Decimal | None


@dataclass(slots=True)
class ChargeSums:
    """`quantity` in tokens, requests, GPU hours or units; costs in 10^-9 of the currency."""

    requests: int = 0
    quantity: Decimal = Decimal(0)
    list_nanos: int = 0
    contracted_nanos: int = 0
    effective_nanos: int = 0
    billed_nanos: int = 0

    def add(self, sums: "ChargeSums") -> None:
        """Adds other sums of the same key."""
        self.requests += sums.requests
        self.quantity += sums.quantity
        self.list_nanos += sums.list_nanos
        self.contracted_nanos += sums.contracted_nanos
        self.effective_nanos += sums.effective_nanos
        self.billed_nanos += sums.billed_nanos


Charges = dict[ChargeKey, ChargeSums]


class PricedQuantity(NamedTuple):
    """One meter's quantity with its unit prices, None where unknown, and costs, in 10^-9 of the currency."""

    meter: str
    quantity: Decimal
    contracted_price: Decimal | None = None
    list_price: Decimal | None = None
    contracted_nanos: int = 0
    list_nanos: int = 0


def charges_of(priced_sums: PricedSums) -> Charges:
    """Charge lines of what was priced; failed calls, which cost nothing, are not among it."""
    charges: Charges = {}
    for key, priced, sums in priced_sums.values():
        for charge_key, charge_sums in _lines(key, priced, sums):
            known = charges.get(charge_key)
            if known is None:
                charges[charge_key] = charge_sums
            else:
                known.add(charge_sums)
    return charges


def _lines(key: Key, priced: PricedAs, sums: Sums) -> Iterator[tuple[ChargeKey, ChargeSums]]:
    charge_class = CORRECTION if priced.late else ""
    if priced.money_alone:
        yield from money_line(key, sums.cost_nanos, priced, charge_class)
        return
    metered = list(_metered(sums, priced.card, priced.tier))
    effective = _effective(sums.cost_nanos, metered)
    for line, nanos in zip(metered, effective, strict=True):
        contracted = line.contracted_nanos if line.contracted_price is not None else nanos
        yield (
            ChargeKey(
                day_of(key.start), key.scope_id, key.provider, key.model, key.activity, priced.service_tier,
                priced.source, priced.version, charge_class, line.meter, line.list_price, line.contracted_price,
            ),
            ChargeSums(
                requests=sums.requests,
                quantity=line.quantity,
                list_nanos=line.list_nanos if line.list_price is not None else contracted,
                contracted_nanos=contracted,
                effective_nanos=nanos,
                billed_nanos=nanos,
            ),
        )  # fmt: skip


def _effective(cost_nanos: int, metered: list[PricedQuantity]) -> list[int]:
    """Distributes what was paid over the meters in proportion to their contracted cost. A bill without known prices
    goes to the requests: spreading it over kinds of tokens would invent prices.
    """
    weights = [line.contracted_nanos for line in metered]
    if not cost_nanos:
        return [0] * len(metered)
    if not any(weights):
        weights = [int(line.meter == REQUEST) for line in metered]
    return apportion(cost_nanos, weights)


def _metered(sums: Sums, card: RateCard | None, tier: int) -> Iterator[PricedQuantity]:
    """Every meter with a quantity; requests only where they cost something or no other meter can carry the cost."""
    quantities = by_meter(
        sums.input_tokens,
        sums.cached_input_tokens,
        sums.cache_write_tokens,
        sums.output_tokens,
        sums.reasoning_tokens,
        sums.rare,
    )
    metered: list[PricedQuantity] = [
        _counted(meter, quantity, card, tier) for meter, quantity in quantities.items() if quantity
    ]
    if sums.gpu_seconds:
        metered.append(_gpu(sums, card))
    request = _requests(sums.requests, card, tier)
    carried = any(line.contracted_nanos for line in metered)
    if request.contracted_nanos or request.list_nanos or not metered or (sums.cost_nanos and not carried):
        metered.append(request)
    return iter(metered)


def _counted(meter: str, quantity: int | Decimal, card: RateCard | None, tier: int) -> PricedQuantity:
    rate = None if card is None else card.rates_of(tier).of(meter)
    if card is None or rate is None:
        return PricedQuantity(meter, Decimal(quantity))
    listed = card.listed or card
    list_rate = listed.rates_of(tier).of(meter)
    scaled = quantity * QUANTITY_SCALE if type(quantity) is int else int(Decimal(quantity).scaleb(QUANTITY_PLACES))
    return PricedQuantity(
        meter,
        Decimal(quantity),
        _unit_price(rate, card.places, meter),
        _unit_price(list_rate or 0, listed.places, meter),
        divide_half_even(scaled * rate, card.divisor * QUANTITY_SCALE),
        divide_half_even(scaled * (list_rate or 0), listed.divisor * QUANTITY_SCALE),
    )


def _requests(requests: int, card: RateCard | None, tier: int) -> PricedQuantity:
    if card is None:
        return PricedQuantity(REQUEST, Decimal(requests))
    listed = card.listed or card
    rate, list_rate = card.rates_of(tier).request, listed.rates_of(tier).request
    return PricedQuantity(
        REQUEST,
        Decimal(requests),
        _unit_price(rate, card.places, REQUEST),
        _unit_price(list_rate, listed.places, REQUEST),
        divide_half_even(requests * rate, card.divisor),
        divide_half_even(requests * list_rate, listed.divisor),
    )


def _gpu(sums: Sums, card: RateCard | None) -> PricedQuantity:
    hours, seconds = sums.gpu_hours, sums.gpu_seconds
    if card is None or card.gpu_hour is None:
        return PricedQuantity(GPU_HOUR, hours)
    listed = card.listed.gpu_hour if card.listed is not None and card.listed.gpu_hour is not None else card.gpu_hour
    return PricedQuantity(
        GPU_HOUR,
        hours,
        card.gpu_hour,
        listed,
        to_nanos(seconds * card.gpu_hour / HOUR_S),
        to_nanos(seconds * listed / HOUR_S),
    )


@lru_cache(maxsize=10_000)
def _unit_price(rate: int, places: int, meter: str) -> Decimal:
    """The price of a rate. Rates are stored per million, also those of meters that are priced per unit."""
    shift = 0 if PRICED_PER[meter] == MILLION else PER_MILLION
    return Decimal(rate).scaleb(-places - shift, AMOUNTS).quantize(PRICE_PART, context=AMOUNTS)


def money_line(
    key: Key, nanos: int, priced: PricedAs, charge_class: str, list_nanos: int | None = None
) -> Iterator[tuple[ChargeKey, ChargeSums]]:
    """The charge line of money without a quantity: a credit, or what a correction moves. At list prices it is
    `list_nanos`, as much without it.
    """
    at_list = nanos if list_nanos is None else list_nanos
    if nanos or at_list:
        charge_key = ChargeKey(
            day_of(key.start), key.scope_id, key.provider, key.model, key.activity, priced.service_tier, priced.source,
            priced.version, charge_class, ADJUSTMENT, None, None,
        )  # fmt: skip
        yield charge_key, ChargeSums(0, Decimal(0), at_list, nanos, nanos, nanos)


def adjustments_of(
    key: Key, sums: Sums, list_nanos: int, *, service_tier: str, closed: bool, source: str = ADJUSTMENT
) -> Iterator[tuple[ChargeKey, ChargeSums]]:
    """The charge line of a correction: its money alone. `source` is the price source that the line has. At list prices
    the cost changes by `list_nanos`: not at all where only a discount did.
    """
    priced = PricedAs(service_tier, source, "", None, 0)
    return money_line(key, sums.cost_nanos, priced, CORRECTION if closed else "", list_nanos)
