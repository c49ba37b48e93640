"""One usage event in, one costed record or the reason against it out. Runs for every event: plain data, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from allocation.documents.events import AMOUNT_MAX, Fault, Money, UsageEvent
from allocation.engine.attribution import Matcher
from allocation.engine.catalogue import CalculatedCard, usage_of
from allocation.engine.pricing import PriceList
from allocation.engine.rates import NANO, RateCard, to_nanos

DAY_S = 86_400
FUTURE_ALLOWED = timedelta(minutes=5)
UNPRICED = "none"
PROVIDER = "provider"
RESPONSE_CACHE = "response_cache"
EXPLICIT = "explicit"
UNATTRIBUTED = "unattributed"
HOUR_S = 3600
# What an event may state itself; beyond it a sum would soon not fit into the ledger.
NANOS_MAX = AMOUNT_MAX * NANO
TOO_DEAR = Fault("cost_out_of_range", "Its quantities times its price are outside the range allowed.", "tokens")
NO_ATTRIBUTES: Mapping[str, str] = {}
ORDINAL_OF_1970 = date(1970, 1, 1).toordinal()


class CostedRecord(NamedTuple):
    """`id` is the hexadecimal identity, `at_s` seconds since 1970, `cost_nanos` None when nobody stated a price."""

    id: str
    at_s: float
    event: UsageEvent
    scope_id: int
    root_id: int
    attribution: str
    price_source: str
    price_version: str
    cost_nanos: int | None


@dataclass(frozen=True, slots=True)
class Organisation:
    root_id: int
    unattributed_id: int
    prices: PriceList
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class Desk:
    """What one batch is judged by. `open_scopes` maps every path the sender may write to onto (scope, root);
    `known_scopes` is every path there is; `home` is the sender's own organisation, None for an operator without one.
    """

    open_scopes: Mapping[str, tuple[int, int]]
    open_scope_ids: Mapping[int, int]
    known_scopes: Mapping[str, object]
    organisations: Mapping[int, Organisation]
    home: Organisation | None
    earliest_s: float
    latest_s: float

    def cost(self, event: UsageEvent) -> CostedRecord | Fault:
        at_s = event.occurred_at.timestamp()
        place = self.untimely(at_s) or self.place_of(event, at_s)
        if isinstance(place, Fault):
            return place
        scope_id, organisation, attribution = place
        price = price_of(event, organisation.prices, at_s)
        if isinstance(price, Fault):
            return price
        return CostedRecord(
            identity(organisation.root_id, event.source, event.id),
            at_s,
            event,
            scope_id,
            organisation.root_id,
            attribution,
            *price,
        )

    def untimely(self, at_s: float) -> Fault | None:
        if at_s < self.earliest_s:
            return Fault("occurred_too_early", "occurred_at lies further back than usage is accepted.", "occurred_at")
        if at_s > self.latest_s:
            return Fault("occurred_in_future", "occurred_at lies in the future.", "occurred_at")
        return None

    def place_of(self, event: UsageEvent, at_s: float) -> tuple[int, Organisation, str] | Fault:
        if event.scope is not None:
            return self.named_place(event.scope)
        home = self.home
        if home is None:
            return Fault("scope_required", "Without a key's organisation a record must name its scope.", "scope")
        attributes = event.attributes
        if attributes:
            rule = home.matcher.first(attributes, date.fromordinal(int(at_s // DAY_S) + ORDINAL_OF_1970))
            if rule is not None:
                if rule.scope_id not in self.open_scope_ids:
                    return Fault(
                        "scope_forbidden",
                        "Its attributes lead to a scope outside what the key may write to.",
                        "attributes",
                    )
                return rule.scope_id, home, rule.name
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


def price_of(event: UsageEvent, prices: PriceList, at_s: float) -> tuple[str, str, int | None] | Fault:
    """(source, version, cost in 10^-9 or None). A failed call costs nothing that anybody has stated."""
    if event.status == "error":
        return UNPRICED, "", None
    if event.cost is not None:
        return _billed(event.cost, prices.currency)
    if event.cached_response:
        return RESPONSE_CACHE, "", 0
    card = prices.of_day(event.provider, event.model, event.service_tier, int(at_s // DAY_S))
    if card is not None and not isinstance(card, RateCard | CalculatedCard):
        card = card.at(event.occurred_at.astimezone(UTC))
    if card is None:
        return UNPRICED, "", None
    tokens = event.tokens
    quantities = (
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning
    )  # fmt: skip
    if isinstance(card, CalculatedCard):
        nanos = to_nanos(card.cost(usage_of(*quantities)))
        return (card.source, card.version, nanos) if nanos <= NANOS_MAX else TOO_DEAR
    nanos = card.cost_nanos(*quantities, event.requests)
    if event.gpu_seconds and card.gpu_hour is not None:
        nanos += to_nanos(event.gpu_seconds * card.gpu_hour / HOUR_S)
    return (card.source, card.version, nanos) if nanos <= NANOS_MAX else TOO_DEAR


def _billed(cost: Decimal | Money, currency: str) -> tuple[str, str, int] | Fault:
    if isinstance(cost, Money):
        if cost.currency != currency:
            return Fault("currency_mismatch", f"The organisation counts in {currency}.", "cost.currency")
        cost = cost.amount
    return PROVIDER, "", to_nanos(cost)


def acceptance_window(at: datetime, past_days: int) -> tuple[float, float]:
    return (at - timedelta(days=past_days)).timestamp(), (at + FUTURE_ALLOWED).timestamp()
