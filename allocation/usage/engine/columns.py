"""Counted calls as columns: what one statement adds to minutes, hours and days, as arrays that PostgreSQL reads."""

from collections.abc import Iterable, Sequence

import msgspec

from allocation.meters.engine.activity import Activity
from allocation.usage.engine.counted import Counted

_encoder = msgspec.json.Encoder()


def columns_of(batches: Iterable[Counted]) -> tuple[list[tuple[str, str, Activity]], list[str]]:
    """The names (provider, model, activity) that occur, in rising order, and for each call: when it is booked, its
    scope, the place of its names from 1, requests, failed, five kinds of tokens, GPU seconds, cost in 10^-9 or null,
    partly unpriced, unpriced tokens, when it occurred, when it was received. Runs for every record.
    """
    batches = [batch for batch in batches if batch.calls]
    calls = [call for batch in batches for call in batch.calls]
    named = [(call.provider, call.model, call.activity) for call in calls]
    names = sorted(set(named))
    places = {name: place for place, name in enumerate(names, 1)}
    return names, [
        _array([call.booked_s for call in calls]),
        _array([call.scope_id for call in calls]),
        _array([places[name] for name in named]),
        _array([call.requests for call in calls]),
        _unusual([call.failed for call in calls]),
        _array([call.input_tokens for call in calls]),
        _unusual([call.cached_input_tokens for call in calls]),
        _unusual([call.cache_write_tokens for call in calls]),
        _array([call.output_tokens for call in calls]),
        _unusual([call.reasoning_tokens for call in calls]),
        _unusual([call.gpu_seconds for call in calls]),
        _array([call.cost_nanos for call in calls]),
        _unusual([call.partly_unpriced for call in calls]),
        _unusual([call.unpriced_tokens for call in calls]),
        _array([call.at_s for call in calls]),
        _array([batch.received_s for batch in batches for _ in batch.calls]),
    ]


def _array(values: Sequence[object]) -> str:
    """JSON's numbers, booleans, null and decimals in quotes are what the text of an array has too."""
    return f"{{{_encoder.encode(values)[1:-1].decode()}}}"


def _unusual(values: Sequence[object]) -> str:
    """Of what most batches have none of: an empty array then, which reads as null for every call."""
    return _array(values) if any(values) else "{}"
