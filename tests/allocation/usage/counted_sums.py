"""Sums of counted calls as they are defined, one call after the other; the statement that sums them is held to it."""

from collections.abc import Iterable
from decimal import Decimal

from allocation.usage.engine.counted import Counted, CountedCall
from allocation.usage.engine.roll_ups import MINUTE_S, Key, PricedSums, Sums, add_by_price, gpu_hours_of
from allocation.usage.engine.tasks import DayKey, DaySums, TaskCalls, TaskKey, TaskSums


def by_minute(batches: Iterable[Counted]) -> dict[Key, Sums]:
    minutes: dict[Key, Sums] = {}
    for batch in batches:
        for call in batch.calls:
            start = int(call.booked_s // MINUTE_S) * MINUTE_S
            key = Key(start, call.scope_id, call.provider, call.model, call.activity)
            minutes.setdefault(key, Sums(last_s=call.at_s)).add(_sums(call, batch.received_s))
    return minutes


def _sums(call: CountedCall, received_s: float) -> Sums:
    tokens = call.input_tokens + call.output_tokens
    nanos, gpu = call.cost_nanos, call.gpu_seconds
    is_priced = nanos is not None
    return Sums(
        requests=call.requests,
        errors=0 if is_priced or not call.failed else call.requests,
        unpriced_requests=0 if is_priced or call.failed else call.requests,
        input_tokens=call.input_tokens,
        cached_input_tokens=call.cached_input_tokens,
        cache_write_tokens=call.cache_write_tokens,
        output_tokens=call.output_tokens,
        reasoning_tokens=call.reasoning_tokens,
        gpu_seconds=gpu or Decimal(0),
        gpu_hours=gpu_hours_of(gpu or Decimal(0)),
        cost_nanos=nanos or 0,
        partly_unpriced_requests=call.requests if is_priced and call.partly_unpriced else 0,
        unpriced_tokens=call.unpriced_tokens if is_priced else 0 if call.failed else tokens,
        tokenless_nanos=nanos if nanos is not None and call.unpriced_tokens == tokens else 0,
        last_s=call.at_s,
        received_s=received_s,
    )


def by_price(batches: Iterable[Counted]) -> PricedSums:
    totals: PricedSums = {}
    for batch in batches:
        add_by_price(totals, batch)
    return totals


def task_sums(batches: Iterable[Counted]) -> tuple[dict[TaskKey, TaskSums], dict[DayKey, DaySums]]:
    calls = TaskCalls()
    for batch in batches:
        calls.add(batch)
    return calls.sums()
