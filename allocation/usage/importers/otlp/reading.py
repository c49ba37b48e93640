"""Spans that tell of model calls, agents and tools become usage events; every other span is passed over."""

from collections.abc import Callable, Iterator
from typing import Literal

from allocation.usage.importers.incoming import Incoming, too_many
from allocation.usage.importers.litellm import PriceFrom
from allocation.usage.importers.otlp import genai, litellm, text, wire
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, Span

Encoding = Literal["json", "protobuf"]
_READERS: dict[Encoding, Callable[[bytes, int], Iterator[Span]]] = {
    "json": text.read_spans,
    "protobuf": wire.read_spans,
}
# Spans of web servers and databases come along with the ones that tell of usage.
SPANS_PER_RECORD = 10


def read_traces(body: bytes, *, encoding: Encoding, records_max: int, price: PriceFrom) -> Incoming:
    """`indexes` are the spans' places among all spans of the request."""
    parents: dict[str, str] = {}
    telling: list[Span] = []
    for span in _READERS[encoding](body, records_max * SPANS_PER_RECORD):
        if span.span_id and span.parent_id:
            parents[_key(span.trace_id, span.span_id)] = _key(span.trace_id, span.parent_id)
        if genai.tells_of_usage(span):
            telling.append(span)
            if len(telling) > records_max:
                raise too_many(records_max)
    above = _above_counted(telling, parents)
    incoming = Incoming()
    for span in telling:
        if LITELLM_CALL_ID in span.attributes:
            event = litellm.native(span, price=price)
        else:
            event = genai.native(span, price=price, is_repeating=_key(span.trace_id, span.span_id) in above)
        incoming.take_data(span.index, event)
    return incoming


def _key(trace_id: str, span_id: str) -> str:
    return f"{trace_id}-{span_id}"


def _above_counted(spans: list[Span], parents: dict[str, str]) -> set[str]:
    """Every span of the request that has a model call with tokens beneath it."""
    above: set[str] = set()
    for span in spans:
        if genai.is_orchestration(span) or not genai.has_tokens(span):
            continue
        step = parents.get(_key(span.trace_id, span.span_id))
        while step is not None and step not in above:
            above.add(step)
            step = parents.get(step)
    return above
