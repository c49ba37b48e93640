"""Sums of a batch: per minute, hour and day for the roll-ups, per scope and day for the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from allocation.meters.engine.activity import Activity
from allocation.prices.engine.rates import AMOUNTS, NANO_PART, RareQuantities, RateCard, from_nanos
from allocation.usage.engine.call_prices import DAY_S, HOUR_S
from allocation.usage.engine.costing import ORDINAL_OF_1970, CostedRecord
from allocation.usage.engine.counted import NO_CARD, Counted

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
    occurrence and `received_s` the latest arrival in seconds since 1970, 0 without one. `rare` holds rare quantities by
    meter. `gpu_hours` sums each record's own, to nine places: a second is no exact decimal of an hour, and what a batch
    holds must not matter.
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
    received_s: float = 0.0
    rare: dict[str, int | Decimal] | None = None

    def copy(self) -> "Sums":
        """Sums that can be added to by themselves."""
        return replace(self, rare=None if self.rare is None else dict(self.rare))

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
        self.received_s = max(self.received_s, sums.received_s)
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
    late: bool = False
    money_alone: bool = False


# Sums by the day's roll-up key and by price. Comparing cards by identity, `id(card)`, is cheaper than by value.
PricedSumsKey = tuple[int, int, str, str, Activity, str, str, str, int, int, bool, bool]
PricedSums = dict[PricedSumsKey, tuple[Key, PricedAs, Sums]]


def gpu_hours_of(seconds: Decimal) -> Decimal:
    """Hours of one record, to nine places."""
    return (seconds / HOUR_S).quantize(NANO_PART, context=AMOUNTS)


def add_by_price(totals: PricedSums, batch: Counted) -> None:
    """Adds what a batch was priced by, as long as its cards live: quantities and cost of calls that did not fail. Runs
    for every record.
    """
    cards = batch.cards
    for call in batch.calls:
        if call.failed:
            continue
        requests = call.requests
        card = None if call.card == NO_CARD else cards[call.card]
        day = int(call.booked_s // DAY_S)
        sums_key = (
            day, call.scope_id, call.provider, call.model, call.activity, call.service_tier, call.price_source,
            call.price_version, id(card), call.price_tier, call.booked_s != call.at_s, not requests,
        )  # fmt: skip
        entry = totals.get(sums_key)
        if entry is None:
            key = Key(day * DAY_S, call.scope_id, call.provider, call.model, call.activity)
            priced = PricedAs(
                call.service_tier, call.price_source, call.price_version, card, call.price_tier, *sums_key[-2:]
            )
            entry = totals[sums_key] = (key, priced, Sums())
        sums = entry[2]
        sums.requests += requests
        sums.input_tokens += call.input_tokens
        sums.cached_input_tokens += call.cached_input_tokens
        sums.cache_write_tokens += call.cache_write_tokens
        sums.output_tokens += call.output_tokens
        sums.reasoning_tokens += call.reasoning_tokens
        sums.cost_nanos += call.cost_nanos or 0
        if call.gpu_seconds is not None:
            sums.gpu_seconds += call.gpu_seconds
            sums.gpu_hours += gpu_hours_of(call.gpu_seconds)
        if call.rare is not None:
            sums.add_rare(call.rare)


def coarser(totals: dict[Key, Sums], seconds: int) -> dict[Key, Sums]:
    """The same sums in buckets of `seconds`."""
    return _merged(
        (Key(start // seconds * seconds, scope_id, provider, model, activity), sums)
        for (start, scope_id, provider, model, activity), sums in totals.items()
    )


def over_models(days: dict[Key, Sums]) -> dict[Key, Sums]:
    """The same sums whatever the provider and model, under keys without them."""
    return _merged((Key(key.start, key.scope_id, "", "", key.activity), sums) for key, sums in days.items())


def _merged(parts: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    """Sums by key. Most keys have one part only, which is not copied: who reads it must not change it."""
    merged: dict[Key, Sums] = {}
    own: set[Key] = set()
    for key, sums in parts:
        known = merged.get(key)
        if known is None:
            merged[key] = sums
            continue
        if key not in own:
            own.add(key)
            known = merged[key] = known.copy()
        known.add(sums)
    return merged


def day_of(start: float) -> date:
    """The UTC day of an instant in seconds since 1970."""
    return date.fromordinal(int(start // DAY_S) + ORDINAL_OF_1970)


def postings_of(batch: Counted) -> list[UsagePosting]:
    """As `postings`, of the records of one batch."""
    merged: dict[tuple[int, int], list[int | Decimal]] = {}
    for call in batch.calls:
        key = (call.scope_id, int(call.booked_s // DAY_S))
        sums = merged.get(key)
        if sums is None:
            sums = merged[key] = [0, 0, 0, NO_GPU]
        sums[0] += call.cost_nanos or 0
        sums[1] += call.input_tokens + call.output_tokens
        sums[2] += call.requests
        if call.gpu_seconds is not None:
            sums[3] += call.gpu_seconds
    return [
        UsagePosting(scope_id, day_of(day * DAY_S), from_nanos(int(nanos)), int(tokens), int(requests), Decimal(gpu))
        for (scope_id, day), (nanos, tokens, requests, gpu) in sorted(merged.items(), key=lambda item: item[0])
    ]


def booked_days(records: Iterable[CostedRecord]) -> set[date]:
    """The days on which these records count: those of their postings."""
    return {day_of(record.booked_s) for record in records}


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
