"""Spans that report model calls, agents and tools become usage events; all other spans are skipped."""

from collections.abc import Callable, Iterator
from typing import Literal

from allocation.usage.importers.incoming import Incoming, too_many
from allocation.usage.importers.litellm import PriceFrom
from allocation.usage.importers.otlp import genai, langfuse, litellm, text, wire
from allocation.usage.importers.otlp.calls import CallTree, key_of
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, Span

Encoding = Literal["json", "protobuf"]
_READERS: dict[Encoding, Callable[[bytes, int], Iterator[Span]]] = {
    "json": text.read_spans,
    "protobuf": wire.read_spans,
}
# Requests also hold spans of web servers and databases, which report no usage.
SPANS_PER_RECORD = 10


def read_traces(body: bytes, *, encoding: Encoding, records_max: int, price: PriceFrom) -> Incoming:
    """The usage events of a trace request. `indexes` are positions among all spans of the request. Raises
    MalformedBody, and TooManyRecords for more than `records_max` events or ten times as many spans.
    """
    parents: dict[str, str] = {}
    usage_spans: list[Span] = []
    for read in _READERS[encoding](body, records_max * SPANS_PER_RECORD):
        span = langfuse.as_genai(read)
        if span.span_id and span.parent_id:
            parents[key_of(span)] = f"{span.trace_id}-{span.parent_id}"
        if genai.reports_usage(span):
            usage_spans.append(span)
            if len(usage_spans) > records_max:
                raise too_many(records_max)
    calls = CallTree(usage_spans, parents)
    incoming = Incoming()
    for span in usage_spans:
        key = key_of(span)
        if key in calls.repeating:
            continue
        if LITELLM_CALL_ID in span.attributes:
            event = litellm.native(span, price=price)
        else:
            event = genai.native(span, price=price, is_repeating=key in calls.above_calls)
        incoming.take_data(span.index, event)
    return incoming
