"""The price of one usage event. Runs for every event: plain data, no clock."""

from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

from allocation.meters.documents import AMOUNT_MAX, RARE_TOKENS, TOKEN_METERS, Fault, Money, UsageEvent
from allocation.prices.engine.catalogue import CalculatedCard, usage_of
from allocation.prices.engine.exchange import RateMissing
from allocation.prices.engine.pricing import IntradayPrices, PriceList
from allocation.prices.engine.rates import NANO, RareQuantities, RateCard, by_meter, to_nanos

DAY_S = 86_400
UNPRICED = "none"
PROVIDER = "provider"
# The cost was read from an imported FOCUS file; senders of events cannot use this source.
FOCUS = "focus"
RESPONSE_CACHE = "response_cache"
GPU_HOUR = "gpu_hour"
# The attribute of an event that a book's regional prices are matched against.
REGION = "region"
HOUR_S = 3600
# The highest cost that an event may state itself; sums of higher ones would soon overflow the ledger's columns.
NANOS_MAX = AMOUNT_MAX * NANO
COST_TOO_HIGH = Fault("cost_out_of_range", "Its quantities times their prices are outside the range allowed.", "tokens")
COST_HELD = Fault(
    "cost_held",
    "Its stated cost is far from what the price list says of the same quantities: look at it, then accept the cost"
    " (replay with accepted costs) or state a price.",
    "cost",
)


class Priced(NamedTuple):
    """How an event was priced. `cost_nanos` is in 10^-9 of the currency, None without any price. `card` and `tier` are
    the price list's rates for the call, also where the provider's billed cost was taken. `rare` holds rare quantities
    by meter. `unpriced_meters` were counted and are not in the cost, since they have no price; `unpriced_tokens` are
    those of them that are tokens. `list_nanos` is the cost at list prices, None where it is the same.
    """

    source: str
    version: str
    cost_nanos: int | None
    card: RateCard | None = None
    tier: int = 0
    rare: RareQuantities | None = None
    unpriced_meters: tuple[str, ...] = ()
    unpriced_tokens: int = 0
    list_nanos: int | None = None


FAILED = NO_PRICE = Priced(UNPRICED, "", None)
FROM_CACHE = Priced(RESPONSE_CACHE, "", 0)


def price_of(
    event: UsageEvent, prices: PriceList, at_s: float, billed_by: str = PROVIDER, held_ratio: int = 0
) -> Priced | Fault:
    """The event's price: none for a failed call, 0 for a cached response that states no cost, else the cost it states
    or the price list's. A sender's cost `held_ratio` times above or below the list's is held for a look; 0 holds none.
    Faults: `exchange_rate_missing`, `cost_out_of_range`, `cost_held`.
    """
    if not event.requests and event.cost is not None:
        return _billed(event, event.cost, prices, int(at_s // DAY_S), None, None, billed_by)
    price = _price_of_call(event, prices, at_s, billed_by)
    if held_ratio and event.cost is not None and type(price) is Priced and _is_far_off(event, price, held_ratio):
        return COST_HELD
    return price


def _price_of_call(event: UsageEvent, prices: PriceList, at_s: float, billed_by: str) -> Priced | Fault:
    rare = None
    if event.quantities is not None or not event.tokens.model_fields_set.isdisjoint(RARE_TOKENS):
        rare = rare_parts(event)
    if event.status == "error" or (event.cached_response and event.cost is None):
        free = FAILED if event.status == "error" else FROM_CACHE
        return free if rare is None else free._replace(rare=rare)
    day = int(at_s // DAY_S)
    region = (event.attributes and event.attributes.get(REGION)) or "" if prices.by_region else ""
    card = prices.of_day(event.provider, event.model, event.service_tier, day, region)
    if type(card) is IntradayPrices:
        card = card.at(event.occurred_at.astimezone(UTC))
    if event.cost is not None:
        return _billed(event, event.cost, prices, day, card if type(card) is RateCard else None, rare, billed_by)
    if event.status != "success":
        # Whether the provider charges for a call that ended so is not known.
        card = None
    if type(card) is RateCard:
        return _listed(event, card, rare)
    if isinstance(card, CalculatedCard):
        return _calculated(event, card, rare)
    if isinstance(card, RateMissing):
        return Fault("exchange_rate_missing", str(card), "model")
    return NO_PRICE if rare is None else NO_PRICE._replace(rare=rare)


def _is_far_off(event: UsageEvent, price: Priced, ratio: int) -> bool:
    """Whether a sender's cost is not to be believed at once. What the list prices in part only is no measure, a cost of
    0 says that the call was free, and a bill that was imported is the provider's own.
    """
    card, cost, at_list = price.card, price.cost_nanos, price.list_nanos
    if card is None or not cost or cost < 0 or not at_list or price.source != PROVIDER or event.cached_response:
        return False
    if ratio * at_list > cost and ratio * cost > at_list:
        return False
    paid = _cost_by(event, card, price.tier, price.rare)
    listed = _without_gaps(event, price._replace(cost_nanos=paid), card)
    return listed.cost_nanos is not None and not listed.unpriced_meters


def rare_parts(event: UsageEvent) -> RareQuantities | None:
    """Rare kinds of tokens and separately counted quantities, by meter; None without any."""
    tokens = event.tokens
    quantities: dict[str, int | Decimal] = {
        meter: count
        for meter in sorted(RARE_TOKENS.keys() & tokens.model_fields_set)
        if (count := getattr(tokens, meter))
    }
    if event.quantities:
        quantities.update(
            (meter, event.quantities[meter]) for meter in sorted(event.quantities) if event.quantities[meter]
        )
    return quantities or None


def _listed(event: UsageEvent, card: RateCard, rare: RareQuantities | None) -> Priced | Fault:
    tier = card.tier_of(event.tokens.input, event.requests) if card.tiers else 0
    nanos = _cost_by(event, card, tier, rare)
    if not nanos and (_counts_nothing(event, rare) or (rare is None and card.prices_only_counts(tier))):
        return NO_PRICE if rare is None else NO_PRICE._replace(rare=rare)
    if nanos > NANOS_MAX:
        return COST_TOO_HIGH
    priced = Priced(card.source, card.version, nanos, card, tier, rare)
    if card.listed is not None:
        priced = priced._replace(list_nanos=_cost_by(event, card.listed, tier, rare))
    if rare is None and not event.gpu_seconds and not card.rates_of(tier).unstated:
        return priced
    return _without_gaps(event, priced, card)


def _cost_by(event: UsageEvent, card: RateCard, tier: int, rare: RareQuantities | None) -> int:
    """The cost of what the card has a rate for."""
    tokens = event.tokens
    nanos = card.cost_nanos(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, event.requests, tier,
        rare,
    )  # fmt: skip
    if event.gpu_seconds and card.gpu_hour is not None:
        nanos += to_nanos(event.gpu_seconds * card.gpu_hour / HOUR_S)
    return nanos


def _without_gaps(event: UsageEvent, priced: Priced, card: RateCard) -> Priced:
    """The price, with the counted meters that it leaves out. A call of which nothing known costs anything is unpriced,
    and so is one with a rare kind of tokens that the catalogue has no rate for: the rates are not those of such calls.
    """
    rates, tokens = card.rates_of(priced.tier), event.tokens
    quantities = by_meter(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, priced.rare
    )  # fmt: skip
    unpriced = [meter for meter, quantity in quantities.items() if quantity and rates.of(meter) is None]
    unpriced_tokens = sum(int(quantities[meter]) for meter in unpriced if meter in TOKEN_METERS)
    if event.gpu_seconds and card.gpu_hour is None:
        unpriced.append(GPU_HOUR)
    if not unpriced:
        return priced
    if not priced.cost_nanos or (not rates.substitutes and not RARE_TOKENS.keys().isdisjoint(unpriced)):
        return NO_PRICE._replace(rare=priced.rare)
    return priced._replace(unpriced_meters=tuple(unpriced), unpriced_tokens=unpriced_tokens)


def _counts_nothing(event: UsageEvent, rare: RareQuantities | None) -> bool:
    """Whether nobody stated what the call used: its cost is unknown, not 0."""
    tokens = event.tokens
    return not (tokens.input or tokens.output or event.gpu_seconds or rare)


def _calculated(event: UsageEvent, card: CalculatedCard, rare: RareQuantities | None) -> Priced | Fault:
    """As `_listed`, by the catalogue's own calculation, which takes a missing rate for that of the usual tokens."""
    tokens = event.tokens
    unpriced = card.without_rate(rare or {}) + ((GPU_HOUR,) if event.gpu_seconds else ())
    usage = usage_of(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, rare or {}
    )  # fmt: skip
    nanos = to_nanos(card.cost(usage))
    if nanos > NANOS_MAX:
        return COST_TOO_HIGH
    if unpriced and (not nanos or not RARE_TOKENS.keys().isdisjoint(unpriced)):
        return NO_PRICE._replace(rare=rare)
    return Priced(card.source, card.version, nanos, rare=rare, unpriced_meters=unpriced)


def _billed(
    event: UsageEvent,
    cost: Decimal | Money,
    prices: PriceList,
    day: int,
    card: RateCard | None,
    rare: RareQuantities | None,
    billed_by: str,
) -> Priced | Fault:
    version = ""
    if isinstance(cost, Money):
        rate = prices.rate(cost.currency, day)
        if isinstance(rate, RateMissing):
            return Fault("exchange_rate_missing", str(rate), "cost.currency")
        cost = cost.amount
        if rate is not None:
            cost, version = rate.convert(cost), rate.name
    nanos = to_nanos(cost)
    if abs(nanos) > NANOS_MAX:
        return COST_TOO_HIGH
    if card is None:
        return Priced(billed_by, version, nanos, rare=rare)
    tier = card.tier_of(event.tokens.input, event.requests) if card.tiers else 0
    at_list = _cost_by(event, card.listed or card, tier, rare)
    return Priced(billed_by, version, nanos, card, tier, rare, list_nanos=at_list)


def claimed_nanos(cost: Decimal | Money, prices: PriceList, at_s: float) -> int | None:
    """A claim in the organisation's currency; None where no exchange rate leads there. It is not counted, so it never
    refuses the record.
    """
    if isinstance(cost, Money):
        rate = prices.rate(cost.currency, int(at_s // DAY_S))
        if isinstance(rate, RateMissing):
            return None
        cost = cost.amount if rate is None else rate.convert(cost.amount)
    nanos = to_nanos(cost)
    return nanos if 0 <= nanos <= NANOS_MAX else None
