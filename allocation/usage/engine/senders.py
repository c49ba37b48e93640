"""Whose record an identity is. Who names a record of another sender tells of the same call, or of one of its own."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from allocation.meters.documents import TOKEN_METERS
from allocation.prices.engine.rates import from_nanos
from allocation.usage.engine.call_prices import FOCUS, PROVIDER, RESPONSE_CACHE
from allocation.usage.engine.costing import CostedRecord, identity

# Prices that the sender of a record states: that it is billed so, that nothing was called, or none.
STATED = frozenset({PROVIDER, FOCUS, RESPONSE_CACHE, "none"})
NOTHING = Decimal()


class EarlierRecord(NamedTuple):
    """The record that has an identity already. `sender` is empty where it is not known, as of what came in before
    senders were kept. `cost` is None when unpriced or failed.
    """

    sender: str
    provider: str
    model: str
    price_source: str
    cost: Decimal | None
    requests: int
    input_tokens: int
    output_tokens: int
    gpu_seconds: Decimal
    quantities: Mapping[str, str]


def is_told_of(earlier: EarlierRecord, record: CostedRecord) -> bool:
    """Whether a record with the identity of the one that stands tells of the same call. One by the same sender always
    does. Another sender's does when it counts no more than what stands: nobody can make it count less by naming it
    first. It may cost more where Weir's own lists priced both, since two roads split the same tokens differently.
    """
    if not earlier.sender or not record.sender or earlier.sender == record.sender:
        return True
    # A call that failed costs nothing, whatever a second road says of its tokens.
    if record.event.status == "error" and not record.cost_nanos:
        return True
    if not _uses_no_more(earlier, record):
        return False
    cost, stands = from_nanos(record.cost_nanos or 0), earlier.cost or NOTHING
    if cost < 0 or stands < 0:
        return cost == stands
    return cost <= stands or _is_priced_by_lists(earlier, record)


def _uses_no_more(earlier: EarlierRecord, record: CostedRecord) -> bool:
    event, rare = record.event, record.price.rare or {}
    return (
        event.requests <= earlier.requests
        and event.tokens.input <= earlier.input_tokens
        and event.tokens.output <= earlier.output_tokens
        and (event.gpu_seconds or NOTHING) <= earlier.gpu_seconds
        and all(
            amount <= Decimal(earlier.quantities.get(meter, 0))
            for meter, amount in rare.items()
            if meter not in TOKEN_METERS
        )
    )


def _is_priced_by_lists(earlier: EarlierRecord, record: CostedRecord) -> bool:
    """The model decides the price then, and neither sender."""
    event = record.event
    return (
        earlier.cost is not None
        and earlier.price_source not in STATED
        and record.price.source not in STATED
        and (earlier.provider, earlier.model) == (event.provider, event.model)
    )


def kept_apart(record: CostedRecord) -> CostedRecord:
    """The record under an identity that only its sender has."""
    return record._replace(
        id=identity(record.root_id, record.event.source, record.event.id, record.sender), is_apart=True
    )
