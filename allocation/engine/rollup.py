"""Sums of a batch: per minute, hour and day for the roll-ups, per scope and day for the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from allocation.engine.costing import DAY_S, ORDINAL_OF_1970, CostedRecord
from allocation.engine.rates import from_nanos

MINUTE_S = 60
NO_GPU = Decimal(0)

# (bucket start in seconds since 1970, scope id, provider, model)
Key = tuple[int, int, str, str]


@dataclass(slots=True)
class Sums:
    """`cost_nanos` is in 10^-9 of the organisation's currency; `last_s` the latest occurrence, seconds since 1970."""

    requests: int = 0
    errors: int = 0
    unpriced_requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    gpu_seconds: Decimal = NO_GPU
    cost_nanos: int = 0
    last_s: float = 0.0

    def add(self, other: "Sums") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.unpriced_requests += other.unpriced_requests
        self.input_tokens += other.input_tokens
        self.cached_input_tokens += other.cached_input_tokens
        self.cache_write_tokens += other.cache_write_tokens
        self.output_tokens += other.output_tokens
        self.reasoning_tokens += other.reasoning_tokens
        self.gpu_seconds += other.gpu_seconds
        self.cost_nanos += other.cost_nanos
        self.last_s = max(self.last_s, other.last_s)


@dataclass(frozen=True, slots=True)
class UsagePosting:
    """What the ledger is told: the usage of one scope on one UTC day that this batch added."""

    scope_id: int
    occurred_on: date
    cost: Decimal
    tokens: int
    requests: int
    gpu_seconds: Decimal


def by_minute(records: Iterable[CostedRecord]) -> dict[Key, Sums]:
    totals: dict[Key, Sums] = {}
    for record in records:
        event = record.event
        key = (int(record.at_s // MINUTE_S) * MINUTE_S, record.scope_id, event.provider, event.model)
        sums = totals.get(key)
        if sums is None:
            sums = totals[key] = Sums(last_s=record.at_s)
        tokens = event.tokens
        sums.requests += event.requests
        sums.input_tokens += tokens.input
        sums.cached_input_tokens += tokens.cached_input
        sums.cache_write_tokens += tokens.cache_write
        sums.output_tokens += tokens.output
        sums.reasoning_tokens += tokens.reasoning
        if record.cost_nanos is not None:
            sums.cost_nanos += record.cost_nanos
        elif event.status == "error":
            sums.errors += event.requests
        else:
            sums.unpriced_requests += event.requests
        if event.gpu_seconds is not None:
            sums.gpu_seconds += event.gpu_seconds
        if record.at_s > sums.last_s:  # noqa: PLR1730  # max() costs a call per event
            sums.last_s = record.at_s
    return totals


def coarser(totals: dict[Key, Sums], seconds: int) -> dict[Key, Sums]:
    """The same sums in longer buckets."""
    merged: dict[Key, Sums] = {}
    for (start, scope_id, provider, model), sums in totals.items():
        key = (start // seconds * seconds, scope_id, provider, model)
        merged.setdefault(key, Sums(last_s=sums.last_s)).add(sums)
    return merged


def postings(by_day: dict[Key, Sums]) -> list[UsagePosting]:
    """In the order of scope and day, the order in which the ledger locks."""
    merged: dict[tuple[int, int], Sums] = {}
    for (start, scope_id, _, _), sums in by_day.items():
        merged.setdefault((scope_id, start), Sums(last_s=sums.last_s)).add(sums)
    return [
        UsagePosting(
            scope_id=scope_id,
            occurred_on=date.fromordinal(start // DAY_S + ORDINAL_OF_1970),
            cost=from_nanos(sums.cost_nanos),
            tokens=sums.input_tokens + sums.output_tokens,
            requests=sums.requests,
            gpu_seconds=sums.gpu_seconds,
        )
        for (scope_id, start), sums in sorted(merged.items(), key=lambda item: item[0])
    ]
