"""One usage event in, one costed record or the reason against it out. Runs for every event: plain data, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple, Protocol

from allocation.attribution.documents import Call
from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED, Matcher
from allocation.meters.documents import AMOUNT_MAX, RARE_TOKENS, Fault, Money, UsageEvent
from allocation.prices.engine.catalogue import CalculatedCard, usage_of
from allocation.prices.engine.exchange import RateMissing
from allocation.prices.engine.pricing import PriceList, WithinTheDay
from allocation.prices.engine.rates import NANO, Rare, RateCard, to_nanos

DAY_S = 86_400
FUTURE_ALLOWED = timedelta(minutes=5)
UNPRICED = "none"
PROVIDER = "provider"
# The cost stands in a FOCUS file that was imported; no sender can say so.
FOCUS = "focus"
RESPONSE_CACHE = "response_cache"
HOUR_S = 3600
# What an event may state itself; beyond it a sum would soon not fit into the ledger.
NANOS_MAX = AMOUNT_MAX * NANO
TOO_DEAR = Fault("cost_out_of_range", "Its quantities times its price are outside the range allowed.", "tokens")
NO_ATTRIBUTES: Mapping[str, str] = {}
ORDINAL_OF_1970 = date(1970, 1, 1).toordinal()


class Priced(NamedTuple):
    """What nobody stated a price for has no `cost_nanos` (10^-9 of the currency). `card` and its `tier` say what a
    price list states for the call, also where the provider billed something else. `rare` is what the call used that
    few calls use, by meter.
    """

    source: str
    version: str
    cost_nanos: int | None
    card: RateCard | None = None
    tier: int = 0
    rare: Rare | None = None


class ScopedCall(Call, Protocol):
    """A usage event, or what else is placed by its own scope, else by the rules that read it."""

    @property
    def scope(self) -> str | None: ...


class CostedRecord(NamedTuple):
    """`id` is the hexadecimal identity, `at_s` seconds since 1970; `booked_s` is where the record counts: `at_s`, or
    when it arrived where its own period is closed.
    """

    id: str
    at_s: float
    booked_s: float
    event: UsageEvent
    scope_id: int
    root_id: int
    attribution: str
    price: Priced

    @property
    def cost_nanos(self) -> int | None:
        return self.price.cost_nanos


FAILED = NO_PRICE = Priced(UNPRICED, "", None)
FROM_CACHE = Priced(RESPONSE_CACHE, "", 0)


@dataclass(frozen=True, slots=True)
class Organisation:
    """What occurred before `closed_until_s` (seconds since 1970) lies in a closed billing period."""

    root_id: int
    unattributed_id: int
    prices: PriceList
    matcher: Matcher
    closed_until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PricingContext:
    """What one batch is judged by. `open_scopes` maps every path the sender may write to onto (scope, root);
    `known_scopes` is every path there is; `home` is the sender's own organisation, None for an operator without one.
    `billed_by` names who stated the cost that an event brings along.
    """

    open_scopes: Mapping[str, tuple[int, int]]
    open_scope_ids: Mapping[int, int]
    known_scopes: Mapping[str, object]
    organisations: Mapping[int, Organisation]
    home: Organisation | None
    earliest_s: float
    latest_s: float
    at_s: float
    billed_by: str = PROVIDER

    def cost(self, event: UsageEvent) -> CostedRecord | Fault:
        at_s = event.occurred_at.timestamp()
        place = self.untimely(at_s) or self.place_of(event, at_s)
        if isinstance(place, Fault):
            return place
        scope_id, organisation, attribution = place
        price = price_of(event, organisation.prices, at_s, self.billed_by)
        if isinstance(price, Fault):
            return price
        return CostedRecord(
            identity(organisation.root_id, event.source, event.id),
            at_s,
            at_s if at_s >= organisation.closed_until_s else self.at_s,
            event,
            scope_id,
            organisation.root_id,
            attribution,
            price,
        )

    def untimely(self, at_s: float) -> Fault | None:
        if at_s < self.earliest_s:
            return Fault("occurred_too_early", "occurred_at lies further back than usage is accepted.", "occurred_at")
        if at_s > self.latest_s:
            return Fault("occurred_in_future", "occurred_at lies in the future.", "occurred_at")
        return None

    def place_of(self, event: ScopedCall, at_s: float) -> tuple[int, Organisation, str] | Fault:
        if event.scope is not None:
            return self.named_place(event.scope)
        home = self.home
        if home is None:
            return Fault("scope_required", "Without a key's organisation a record must name its scope.", "scope")
        matcher = home.matcher
        if event.attributes or not matcher.needs_attributes:
            found = matcher.first(event, date.fromordinal(int(at_s // DAY_S) + ORDINAL_OF_1970))
            if found is not None:
                if found.scope_id not in self.open_scope_ids:
                    return Fault(
                        "scope_forbidden",
                        "Its attributes lead to a scope outside what the key may write to.",
                        "attributes",
                    )
                return found.scope_id, home, found.name
        return home.unattributed_id, home, UNATTRIBUTED

    def named_place(self, path: str) -> tuple[int, Organisation, str] | Fault:
        known = self.open_scopes.get(path)
        if known is not None:
            return known[0], self.organisations[known[1]], EXPLICIT
        if path in self.known_scopes:
            return Fault("scope_forbidden", "The scope lies outside what the key may write to.", "scope")
        return Fault("scope_unknown", "There is no scope of this path.", "scope")


def identity(root_id: int, source: str, event_id: str) -> str:
    """32 hexadecimal digits; the organisation is part of it, so that no other organisation's record can stand in."""
    return blake2b(f"{root_id}\0{source}\0{event_id}".encode(), digest_size=16).hexdigest()


def price_of(event: UsageEvent, prices: PriceList, at_s: float, billed_by: str = PROVIDER) -> Priced | Fault:
    """A failed call costs nothing that anybody has stated."""
    rare = None
    if event.quantities is not None or not event.tokens.model_fields_set.isdisjoint(RARE_TOKENS):
        rare = rare_parts(event)
    if event.status == "error" or (event.cached_response and event.cost is None):
        free = FAILED if event.status == "error" else FROM_CACHE
        return free if rare is None else free._replace(rare=rare)
    day = int(at_s // DAY_S)
    card = prices.of_day(event.provider, event.model, event.service_tier, day)
    if type(card) is WithinTheDay:
        card = card.at(event.occurred_at.astimezone(UTC))
    if event.cost is not None:
        return _billed(event, event.cost, prices, day, card if type(card) is RateCard else None, rare, billed_by)
    if type(card) is RateCard:
        return _listed(event, card, rare)
    if isinstance(card, CalculatedCard):
        return _calculated(event, card, rare)
    if isinstance(card, RateMissing):
        return Fault("exchange_rate_missing", str(card), "model")
    return NO_PRICE if rare is None else NO_PRICE._replace(rare=rare)


def rare_parts(event: UsageEvent) -> Rare | None:
    """What few calls have, by meter; None without any."""
    tokens = event.tokens
    found: dict[str, int | Decimal] = {
        meter: count
        for meter in sorted(RARE_TOKENS.keys() & tokens.model_fields_set)
        if (count := getattr(tokens, meter))
    }
    if event.quantities:
        found.update((meter, event.quantities[meter]) for meter in sorted(event.quantities) if event.quantities[meter])
    return found or None


def _listed(event: UsageEvent, card: RateCard, rare: Rare | None) -> Priced | Fault:
    tokens = event.tokens
    requests = event.requests
    tier = card.tier_of(tokens.input, requests) if card.tiers else 0
    nanos = card.cost_nanos(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, requests, tier, rare
    )
    if event.gpu_seconds and card.gpu_hour is not None:
        nanos += to_nanos(event.gpu_seconds * card.gpu_hour / HOUR_S)
    if not nanos and _says_nothing_of(card, tier, rare):
        return NO_PRICE if rare is None else NO_PRICE._replace(rare=rare)
    return Priced(card.source, card.version, nanos, card, tier, rare) if nanos <= NANOS_MAX else TOO_DEAR


def _says_nothing_of(card: RateCard, tier: int, rare: Rare | None) -> bool:
    """What was counted has no price, or what has one was not counted: that it costs nothing is not known."""
    return card.states_none_of(rare, tier) if rare else card.counts_only(tier)


def _calculated(event: UsageEvent, card: CalculatedCard, rare: Rare | None) -> Priced | Fault:
    tokens = event.tokens
    usage = usage_of(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, rare or {}
    )  # fmt: skip
    nanos = to_nanos(card.cost(usage))
    return Priced(card.source, card.version, nanos, rare=rare) if nanos <= NANOS_MAX else TOO_DEAR


def _billed(
    event: UsageEvent,
    cost: Decimal | Money,
    prices: PriceList,
    day: int,
    card: RateCard | None,
    rare: Rare | None,
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
    tier = card.tier_of(event.tokens.input, event.requests) if card is not None and card.tiers else 0
    nanos = to_nanos(cost)
    return Priced(billed_by, version, nanos, card, tier, rare) if nanos <= NANOS_MAX else TOO_DEAR


def acceptance_window(at: datetime, past_days: int) -> tuple[float, float]:
    return (at - timedelta(days=past_days)).timestamp(), (at + FUTURE_ALLOWED).timestamp()
