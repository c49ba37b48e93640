"""Charge lines: what each meter of a model cost on a day, in FOCUS's sense, summing to what the records cost."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.meters.documents import MILLION, PRICED_PER, RARE_TOKENS
from allocation.meters.engine.apportion import apportion
from allocation.prices.engine.rates import (
    AMOUNTS,
    QUANTITY_PLACES,
    QUANTITY_SCALE,
    RateCard,
    divide_half_even,
    to_nanos,
)
from allocation.usage.engine.roll_ups import Fine, Key, PricedAs, Sums, day_of

CORRECTION = "Correction"
ADJUSTMENT = "adjustment"
REQUEST = "request"
GPU_HOUR = "gpu_hour"
HOUR_S = 3600
QUANTITY_PART = Decimal("1e-9")
PRICE_PART = Decimal("1e-12")
PER_MILLION = 6


class ChargeKey(NamedTuple):
    """Unit prices are per million tokens, per request or per GPU hour; None where nobody states one."""

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
    """`quantity` in tokens, requests or hours; costs in 10^-9 of the currency."""

    requests: int = 0
    quantity: Decimal = Decimal(0)
    list_nanos: int = 0
    contracted_nanos: int = 0
    effective_nanos: int = 0
    billed_nanos: int = 0

    def add(self, other: "ChargeSums") -> None:
        self.requests += other.requests
        self.quantity += other.quantity
        self.list_nanos += other.list_nanos
        self.contracted_nanos += other.contracted_nanos
        self.effective_nanos += other.effective_nanos
        self.billed_nanos += other.billed_nanos


Charges = dict[ChargeKey, ChargeSums]


class Metered(NamedTuple):
    """One meter's quantity with its contracted and list price, and what they come to, in 10^-9 of the currency."""

    meter: str
    quantity: Decimal
    contracted_price: Decimal | None = None
    list_price: Decimal | None = None
    contracted_nanos: int = 0
    list_nanos: int = 0


def charges_of(fine: Fine) -> Charges:
    """What failed costs nothing and is no charge."""
    merged: Charges = {}
    for key, priced, sums in _by_day(fine):
        if not priced.failed:
            for charge, amounts in _lines(key, priced, sums):
                merged.setdefault(charge, ChargeSums()).add(amounts)
    return merged


def _by_day(fine: Fine) -> Iterable[tuple[Key, PricedAs, Sums]]:
    """Summed before it is priced by meter: a day has far fewer prices than minutes."""
    days: dict[tuple[object, ...], tuple[Key, PricedAs, Sums]] = {}
    for key, priced, sums in fine.values():
        day = key._replace(start=key.start // 86_400 * 86_400)
        group = (day, *priced[:3], id(priced.card), *priced[4:])
        if group not in days:
            days[group] = (day, priced, Sums())
        days[group][2].add(sums)
    return days.values()


def _lines(key: Key, priced: PricedAs, sums: Sums) -> Iterator[tuple[ChargeKey, ChargeSums]]:
    metered = list(_metered(sums, priced.card, priced.tier))
    effective = _effective(sums.cost_nanos, metered)
    for line, nanos in zip(metered, effective, strict=True):
        contracted = line.contracted_nanos if line.contracted_price is not None else nanos
        yield (
            ChargeKey(
                day_of(key.start), key.scope_id, key.provider, key.model, key.activity, priced.service_tier,
                priced.source, priced.version, "", line.meter, line.list_price, line.contracted_price,
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


def _effective(cost_nanos: int, metered: list[Metered]) -> list[int]:
    """What was paid, over the meters in the proportion of their contracted cost. A bill for which no price is known
    stands on the requests: to share it out over kinds of tokens would invent prices.
    """
    weights = [line.contracted_nanos for line in metered]
    if not cost_nanos:
        return [0] * len(metered)
    if not any(weights):
        weights = [int(line.meter == REQUEST) for line in metered]
    return apportion(cost_nanos, weights)


def _metered(sums: Sums, card: RateCard | None, tier: int) -> Iterator[Metered]:
    """Every meter with a quantity; requests only where they cost something or nothing else could carry the cost."""
    quantities: dict[str, int | Decimal] = {
        "input": sums.input_tokens - sums.cached_input_tokens - sums.cache_write_tokens,
        "cached_input": sums.cached_input_tokens,
        "cache_write": sums.cache_write_tokens,
        "output": sums.output_tokens - sums.reasoning_tokens,
        "reasoning": sums.reasoning_tokens,
    }
    for meter, quantity in (sums.rare or {}).items():
        if meter in RARE_TOKENS:
            quantities[RARE_TOKENS[meter]] -= int(quantity)
    quantities.update(sums.rare or {})
    found: list[Metered] = [_counted(meter, quantity, card, tier) for meter, quantity in quantities.items() if quantity]
    if sums.gpu_seconds:
        found.append(_gpu(sums.gpu_seconds, card))
    request = _requests(sums.requests, card, tier)
    carried = any(line.contracted_nanos for line in found)
    if request.contracted_nanos or request.list_nanos or not found or (sums.cost_nanos and not carried):
        found.append(request)
    return iter(found)


def _counted(meter: str, quantity: int | Decimal, card: RateCard | None, tier: int) -> Metered:
    rate = None if card is None else card.rates_of(tier).of(meter)
    if card is None or rate is None:
        return Metered(meter, Decimal(quantity))
    listed = card.listed or card
    list_rate = listed.rates_of(tier).of(meter)
    scaled = int(Decimal(quantity).scaleb(QUANTITY_PLACES))
    return Metered(
        meter,
        Decimal(quantity),
        _unit_price(rate, card.places, meter),
        _unit_price(list_rate or 0, listed.places, meter),
        divide_half_even(scaled * rate, card.divisor * QUANTITY_SCALE),
        divide_half_even(scaled * (list_rate or 0), listed.divisor * QUANTITY_SCALE),
    )


def _requests(requests: int, card: RateCard | None, tier: int) -> Metered:
    if card is None:
        return Metered(REQUEST, Decimal(requests))
    listed = card.listed or card
    rate, list_rate = card.rates_of(tier).request, listed.rates_of(tier).request
    return Metered(
        REQUEST,
        Decimal(requests),
        _unit_price(rate, card.places, REQUEST),
        _unit_price(list_rate, listed.places, REQUEST),
        divide_half_even(requests * rate, card.divisor),
        divide_half_even(requests * list_rate, listed.divisor),
    )


def _gpu(seconds: Decimal, card: RateCard | None) -> Metered:
    hours = (seconds / HOUR_S).quantize(QUANTITY_PART, context=AMOUNTS)
    if card is None or card.gpu_hour is None:
        return Metered(GPU_HOUR, hours)
    listed = card.listed.gpu_hour if card.listed is not None and card.listed.gpu_hour is not None else card.gpu_hour
    return Metered(
        GPU_HOUR,
        hours,
        card.gpu_hour,
        listed,
        to_nanos(seconds * card.gpu_hour / HOUR_S),
        to_nanos(seconds * listed / HOUR_S),
    )


def _unit_price(rate: int, places: int, meter: str) -> Decimal:
    """A rate of what is not priced per million is held like one that is."""
    shift = 0 if PRICED_PER[meter] == MILLION else PER_MILLION
    return Decimal(rate).scaleb(-places - shift, AMOUNTS).quantize(PRICE_PART, context=AMOUNTS)


def adjustments_of(key: Key, sums: Sums, *, service_tier: str, closed: bool) -> Iterator[tuple[ChargeKey, ChargeSums]]:
    """Money that a correction moves, without quantities: how much was used is not in question, what it costs is."""
    if sums.cost_nanos:
        charge = ChargeKey(
            day_of(key.start), key.scope_id, key.provider, key.model, key.activity, service_tier, ADJUSTMENT, "",
            CORRECTION if closed else "", ADJUSTMENT, None, None,
        )  # fmt: skip
        nanos = sums.cost_nanos
        yield charge, ChargeSums(0, Decimal(0), nanos, nanos, nanos, nanos)
