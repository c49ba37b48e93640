"""Costed records as text for PostgreSQL's COPY."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from json import dumps

import orjson

from allocation.prices.engine.rates import nanos_text
from allocation.usage.engine.costing import CostedRecord

# The columns in the order of `copy_text`, each with its type in PostgreSQL.
KINDS: Mapping[str, str] = {
    "id": "uuid", "occurred_at": "timestamptz", "received_at": "timestamptz", "booked_at": "timestamptz",
    "scope_id": "bigint",
    **dict.fromkeys(
        (
            "source", "event_id", "provider", "model", "operation", "service_tier", "status", "task_id", "session_id",
            "attribution", "price_source", "price_version",
        ),
        "text",
    ),
    "attributes": "jsonb",
    **dict.fromkeys(
        (
            "input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
            "requests",
        ),
        "bigint",
    ),
    "gpu_seconds": "numeric", "latency_ms": "bigint", "cost": "numeric", "quantities": "jsonb",
    "claimed_cost": "numeric", "is_estimated": "boolean", "mended": "text", "list_cost": "numeric",
    "unpriced_meters": "jsonb", "sender": "text",
}  # fmt: skip
COLUMNS = tuple(KINDS)
NULL = r"\N"


def copy_text(records: Iterable[CostedRecord], received_at: datetime) -> str:
    """One line per record. Texts hold no control characters, which the event's schema refuses, so only the backslash is
    escaped.
    """
    received = received_at.isoformat()
    lines = []
    for record in records:
        event = record.event
        tokens = event.tokens
        attributes = orjson.dumps(event.attributes).decode() if event.attributes else "{}"
        texts = (
            f"{event.source}\t{event.id}\t{event.provider}\t{event.model}\t{event.operation}\t{event.service_tier}"
            f"\t{event.status}\t{event.task_id}\t{event.session_id}\t{record.attribution}\t{record.price.source}"
            f"\t{record.price.version}\t{attributes}"
        )
        if "\\" in texts:
            texts = texts.replace("\\", "\\\\")
        price = record.price
        latency = NULL if event.latency_ms is None else event.latency_ms
        cost = NULL if price.cost_nanos is None else nanos_text(price.cost_nanos)
        at_list = cost if price.list_nanos is None else nanos_text(price.list_nanos)
        unpriced = dumps(price.unpriced_meters) if price.unpriced_meters else "[]"
        claimed = NULL if record.claimed_nanos is None else nanos_text(record.claimed_nanos)
        booked = NULL if record.booked_s == record.at_s else received
        quantities = "{}" if price.rare is None else dumps({meter: str(amount) for meter, amount in price.rare.items()})
        lines.append(
            f"{record.id}\t{event.occurred_at.isoformat()}\t{received}\t{booked}\t{record.scope_id}\t{texts}"
            f"\t{tokens.input}\t{tokens.cached_input}\t{tokens.cache_write}\t{tokens.output}\t{tokens.reasoning}"
            f"\t{event.requests}\t{event.gpu_seconds or 0}\t{latency}\t{cost}\t{quantities}"
            f"\t{claimed}\t{'t' if event.estimated else 'f'}\t{', '.join(event.mended)}\t{at_list}\t{unpriced}"
            f"\t{record.sender}\n"
        )
    return "".join(lines)


def values_of(text: str) -> Iterator[list[str | None]]:
    """The values of each line of `copy_text`, in the order of COLUMNS."""
    for line in text.split("\n")[:-1]:
        yield [None if value == NULL else value.replace("\\\\", "\\") for value in line.split("\t")]
