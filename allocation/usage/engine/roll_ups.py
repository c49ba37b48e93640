"""Sums of a batch: per minute, hour and day for the roll-ups, per scope and day for the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.meters.documents import UsageEvent
from allocation.meters.engine.activity import Activity, activity_of
from allocation.prices.engine.rates import AMOUNTS, NANO_PART, RareQuantities, RateCard, from_nanos
from allocation.usage.engine.call_prices import DAY_S, HOUR_S, Priced
from allocation.usage.engine.costing import ORDINAL_OF_1970, CostedRecord

MINUTE_S = 60
NO_GPU = Decimal(0)


class Key(NamedTuple):
    """What roll-ups are summed by. `start` is the bucket's start in seconds since 1970."""

    start: int
    scope_id: int
    provider: str
    model: str
    activity: Activity


@dataclass(slots=True)
class Sums:
    """Sums of records, negative where a correction takes away. `cost_nanos` is in 10^-9 of the organisation's currency;
    `tokenless_nanos` of them are the cost of calls without any token that has a price. `last_s` is the latest
    occurrence in seconds since 1970. `rare` holds rare quantities by meter. `gpu_hours` sums each record's own, to nine
    places: a second is no exact decimal of an hour, and what a batch holds must not matter.
    """

    requests: int = 0
    errors: int = 0
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    gpu_seconds: Decimal = NO_GPU
    gpu_hours: Decimal = NO_GPU
    cost_nanos: int = 0
    partly_unpriced_requests: int = 0
    unpriced_tokens: int = 0
    tokenless_nanos: int = 0
    last_s: float = 0.0
    rare: dict[str, int | Decimal] | None = None

    def add(self, sums: "Sums") -> None:
        """Adds other sums of the same key."""
        self.requests += sums.requests
        self.errors += sums.errors
        self.unpriced_requests += sums.unpriced_requests
        self.input_tokens += sums.input_tokens
        self.cached_input_tokens += sums.cached_input_tokens
        self.cache_write_tokens += sums.cache_write_tokens
        self.output_tokens += sums.output_tokens
        self.reasoning_tokens += sums.reasoning_tokens
        self.gpu_seconds += sums.gpu_seconds
        self.gpu_hours += sums.gpu_hours
        self.cost_nanos += sums.cost_nanos
        self.partly_unpriced_requests += sums.partly_unpriced_requests
        self.unpriced_tokens += sums.unpriced_tokens
        self.tokenless_nanos += sums.tokenless_nanos
        self.last_s = max(self.last_s, sums.last_s)
        if sums.rare:
            self.add_rare(sums.rare)

    def add_rare(self, rare: RareQuantities) -> None:
        """Adds rare quantities by meter."""
        totals = self.rare = self.rare or {}
        for meter, quantity in rare.items():
            totals[meter] = totals.get(meter, 0) + quantity


@dataclass(frozen=True, slots=True)
class UsagePosting:
    """What is posted to the ledger: the usage of one scope on one UTC day that a batch added."""

    scope_id: int
    occurred_on: date
    cost: Decimal
    tokens: int
    requests: int
    gpu_seconds: Decimal


class PricedAs(NamedTuple):
    """How records were priced and served: what they share beside the key of their roll-up. `late`: their own billing
    period was closed when they arrived. `money_alone`: credits and adjustments, without a call.
    """

    service_tier: str
    source: str
    version: str
    card: RateCard | None
    tier: int
    failed: bool
    late: bool = False
    money_alone: bool = False


# Sums by the minute's roll-up key and by price. Comparing cards by identity, `id(card)`, is cheaper than by value.
PricedSumsKey = tuple[int, int, str, str, Activity, str, str, str, int, int, bool, bool, bool]
PricedSums = dict[PricedSumsKey, tuple[Key, PricedAs, Sums]]


def gpu_hours_of(seconds: Decimal) -> Decimal:
    """Hours of one record, to nine places."""
    return (seconds / HOUR_S).quantize(NANO_PART, context=AMOUNTS)


def by_minute_and_price(records: Iterable[CostedRecord]) -> PricedSums:
    """Sums a batch in one pass; all coarser sums are made from the result."""
    totals: PricedSums = {}
    for record in records:
        event = record.event
        price: Priced = record.price
        card = price.card
        start = int(record.booked_s // MINUTE_S) * MINUTE_S
        failed = event.status == "error"
        sums_key = (
            start, record.scope_id, event.provider, event.model, activity_of(event.operation), event.service_tier,
            price.source, price.version, id(card), price.tier, failed, record.booked_s != record.at_s,
            not event.requests,
        )  # fmt: skip
        entry = totals.get(sums_key)
        if entry is None:
            sums = Sums(last_s=record.at_s)
            key = Key(start, record.scope_id, event.provider, event.model, sums_key[4])
            priced = PricedAs(event.service_tier, price.source, price.version, card, price.tier, *sums_key[-3:])
            totals[sums_key] = (key, priced, sums)
        else:
            sums = entry[2]
        tokens = event.tokens
        sums.requests += event.requests
        sums.input_tokens += tokens.input
        sums.cached_input_tokens += tokens.cached_input
        sums.cache_write_tokens += tokens.cache_write
        sums.output_tokens += tokens.output
        sums.reasoning_tokens += tokens.reasoning
        if price.cost_nanos is not None:
            sums.cost_nanos += price.cost_nanos
            if price.unpriced_meters or not tokens.input:
                _add_unpriced(sums, event, price)
        elif failed:
            sums.errors += event.requests
        else:
            sums.unpriced_requests += event.requests
            sums.unpriced_tokens += tokens.input + tokens.output
        if event.gpu_seconds is not None:
            sums.gpu_seconds += event.gpu_seconds
            sums.gpu_hours += gpu_hours_of(event.gpu_seconds)
        if price.rare is not None:
            sums.add_rare(price.rare)
        if record.at_s > sums.last_s:  # noqa: PLR1730  # max() costs a call per event
            sums.last_s = record.at_s
    return totals


def _add_unpriced(sums: Sums, event: UsageEvent, price: Priced) -> None:
    """What of a priced call has no price, and its cost where none of its tokens has one."""
    if price.unpriced_meters:
        sums.partly_unpriced_requests += event.requests
    sums.unpriced_tokens += price.unpriced_tokens
    if price.unpriced_tokens == event.tokens.input + event.tokens.output:
        sums.tokenless_nanos += price.cost_nanos or 0


def by_minute(priced_sums: PricedSums) -> dict[Key, Sums]:
    """The sums of each minute, whatever the price."""
    merged: dict[Key, Sums] = {}
    for key, _, sums in priced_sums.values():
        merged.setdefault(key, Sums(last_s=sums.last_s)).add(sums)
    return merged


def coarser(totals: dict[Key, Sums], seconds: int) -> dict[Key, Sums]:
    """The same sums in buckets of `seconds`."""
    merged: dict[Key, Sums] = {}
    for key, sums in totals.items():
        longer = key._replace(start=key.start // seconds * seconds)
        merged.setdefault(longer, Sums(last_s=sums.last_s)).add(sums)
    return merged


def day_of(start: float) -> date:
    """The UTC day of an instant in seconds since 1970."""
    return date.fromordinal(int(start // DAY_S) + ORDINAL_OF_1970)


def postings(by_day: dict[Key, Sums]) -> list[UsagePosting]:
    """Postings in the order of scope and day, in which the ledger locks its accounts."""
    merged: dict[tuple[int, int], Sums] = {}
    for key, sums in by_day.items():
        merged.setdefault((key.scope_id, key.start), Sums(last_s=sums.last_s)).add(sums)
    return [
        UsagePosting(
            scope_id=scope_id,
            occurred_on=day_of(start),
            cost=from_nanos(sums.cost_nanos),
            tokens=sums.input_tokens + sums.output_tokens,
            requests=sums.requests,
            gpu_seconds=sums.gpu_seconds,
        )
        for (scope_id, start), sums in sorted(merged.items(), key=lambda item: item[0])
    ]
