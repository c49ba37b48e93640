"""What is counted of a record: all that roll-ups, charge lines and tasks need, without the record itself."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec

from allocation.meters.engine.activity import Activity, activity_of
from allocation.prices.engine.rates import RateCard
from allocation.usage.engine.costing import CostedRecord

NO_CARD = -1


class CountedCall(msgspec.Struct, array_like=True, gc=False):
    """One record. `card` is the place of its rates among those of its batch. It occurred at `at_s` and counts at
    `booked_s`, in seconds since 1970; `cost_nanos` is in 10^-9 of the organisation's currency, None without a price.
    """

    root_id: int
    scope_id: int
    record_id: str
    task_id: str
    at_s: float
    booked_s: float
    provider: str
    model: str
    activity: Activity
    service_tier: str
    price_source: str
    price_version: str
    card: int
    price_tier: int
    failed: bool
    requests: int
    input_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_nanos: int | None
    partly_unpriced: bool = False
    unpriced_tokens: int = 0
    gpu_seconds: Decimal | None = None
    rare: dict[str, int | Decimal] | None = None


class Counted(msgspec.Struct, array_like=True, gc=False):
    """The new records of one batch, received at `received_s`, in seconds since 1970. `root_ids` are the organisations
    that were heard from, also those of whose records none was new.
    """

    received_s: float
    root_ids: Sequence[int]
    calls: list[CountedCall]
    cards: list[RateCard]


class _Stored(msgspec.Struct, array_like=True, gc=False):
    """As Counted, the cards left as they are written."""

    received_s: float
    root_ids: list[int]
    calls: list[CountedCall]
    cards: list[msgspec.Raw]


def counted(records: Iterable[CostedRecord], *, received_s: float = 0.0, root_ids: Iterable[int] = ()) -> Counted:
    """What is counted of these records. Runs for every event."""
    calls: list[CountedCall] = []
    cards: list[RateCard] = []
    place_of: dict[int, int] = {}
    for record in records:
        event, price = record.event, record.price
        tokens = event.tokens
        if price.card is None:
            card = NO_CARD
        else:
            # Comparing cards by identity is cheaper than by value.
            place = place_of.get(id(price.card))
            if place is None:
                place = place_of[id(price.card)] = len(cards)
                cards.append(price.card)
            card = place
        calls.append(
            CountedCall(
                record.root_id, record.scope_id, record.id, event.task_id, record.at_s, record.booked_s,
                event.provider, event.model, activity_of(event.operation), event.service_tier,
                price.source, price.version, card, price.tier, event.status == "error", event.requests,
                tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning,
                price.cost_nanos, bool(price.unpriced_meters), price.unpriced_tokens, event.gpu_seconds,
                None if price.rare is None else dict(price.rare),
            )
        )  # fmt: skip
    return Counted(received_s, sorted(root_ids), calls, cards)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)
_card_decoder = msgspec.json.Decoder(RateCard)


def to_bytes(batch: Counted) -> bytes:
    """JSON, whose whole numbers have no bound. Fields may be added to the end, so that what an earlier release wrote is
    read.
    """
    return _encoder.encode(batch)


def from_bytes(text: bytes) -> Counted:
    """What `to_bytes` wrote; equal cards of different batches are one object. Raises ValueError for anything else."""
    try:
        stored = _decoder.decode(text)
        cards = [_card(bytes(card)) for card in stored.cards]
    except msgspec.MsgspecError as problem:
        raise ValueError(str(problem)) from problem
    return Counted(stored.received_s, stored.root_ids, stored.calls, cards)


def with_calls(batch: Counted, calls: list[CountedCall]) -> Counted:
    """The batch with some of its calls."""
    return Counted(batch.received_s, batch.root_ids, calls, batch.cards)


@lru_cache(maxsize=5_000)
def _card(text: bytes) -> RateCard:
    return _card_decoder.decode(text)
