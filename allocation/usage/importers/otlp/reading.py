"""Spans and events that report model calls, agents and tools become usage events; everything else is counted as what it
is, so that a request of which nothing counts can say so.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from allocation.sources.documents import PriceFrom
from allocation.usage.engine.traced_calls import TracedCalls
from allocation.usage.importers.incoming import Incoming, too_many
from allocation.usage.importers.otlp import ai_sdk, events, genai, langfuse, litellm, text, wire
from allocation.usage.importers.otlp.calls import RequestCalls, key_of, parent_of
from allocation.usage.importers.otlp.emitters import emitter_of_event, tells_no_calls, told_by_events
from allocation.usage.importers.otlp.signals import Encoding, LogRecord, Metric
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, Span

Reason = Literal["no_model_call", "told_by_events", "orchestration", "usage_not_stated", "metric"]
_READERS: dict[Encoding, Callable[[bytes, int], Iterator[Span]]] = {
    "json": text.read_spans,
    "protobuf": wire.read_spans,
}
_LOG_READERS: dict[Encoding, Callable[[bytes, int], Iterator[LogRecord]]] = {
    "json": text.read_log_records,
    "protobuf": wire.read_log_records,
}
_METRIC_READERS: dict[Encoding, Callable[[bytes, int], Iterator[Metric]]] = {
    "json": text.read_metrics,
    "protobuf": wire.read_metrics,
}
# Requests also hold spans of web servers and databases, and log records of everything, which report no usage.
SPANS_PER_RECORD = 10
EMITTER_LENGTH_MAX = 100
WORDS_OF_A_NAME = 4


class PassedOver(NamedTuple):
    """Why something of an emitter does not count. `emitter` is the name of its instrumentation, or of its service."""

    emitter: str
    reason: Reason


@dataclass(slots=True)
class Received(Incoming):
    """As Incoming, of a request in OTLP. `counted` is how many of its spans or events say something of usage: a call
    with tokens, a failed one, an agent beside calls. `uncounted` is how many others there are, by emitter and reason.
    `traced` is what tells its calls apart from those of other requests, None where it holds no spans.
    """

    counted: int = 0
    uncounted: Counter[PassedOver] = field(default_factory=Counter)
    traced: TracedCalls | None = None

    @property
    def counts_nothing(self) -> bool:
        """Whether something came, and none of it says anything of usage or waits in quarantine."""
        return bool(self.uncounted) and not self.counted and not self.refused

    def pass_over(self, item: Span | LogRecord | Metric, reason: Reason) -> None:
        """Counts what does not count."""
        emitter = item.instrumentation or str(item.resource.get("service.name", ""))
        # A sentence is no name, and may be of a prompt: it is neither kept nor told.
        name = emitter[:EMITTER_LENGTH_MAX] if len(emitter.split()) <= WORDS_OF_A_NAME else "?"
        self.uncounted[PassedOver(name, reason)] += 1


def read_traces(body: bytes, *, encoding: Encoding, records_max: int, price: PriceFrom) -> Received:
    """The usage events of a trace request. `indexes` are positions among all spans of the request. Raises
    MalformedBody, and TooManyRecords for more than `records_max` events or ten times as many spans.
    """
    parents: dict[str, str] = {}
    usage_spans: list[Span] = []
    links: list[Span] = []
    received = Received()
    for read in _READERS[encoding](body, records_max * SPANS_PER_RECORD):
        span = langfuse.as_genai(ai_sdk.as_genai(read))
        parent = parent_of(span)
        if parent:
            parents[key_of(span)] = parent
        if told_by_events(span.instrumentation):
            received.pass_over(span, "told_by_events")
        elif genai.reports_usage(span):
            usage_spans.append(span)
            if len(usage_spans) > records_max:
                raise too_many(records_max)
        else:
            received.pass_over(span, "no_model_call")
            # What goes out of the process has nothing of the process below it.
            if parent and not span.is_client:
                links.append(span)
    calls = RequestCalls(usage_spans, parents)
    _take_calls(received, usage_spans, calls, price)
    received.traced = calls.traced(links)
    return received


def _take_calls(received: Received, usage_spans: Sequence[Span], calls: RequestCalls, price: PriceFrom) -> None:
    for span in usage_spans:
        if key_of(span) in calls.repeating:
            continue
        if LITELLM_CALL_ID in span.attributes:
            event = litellm.native(span, price=price)
        else:
            event = genai.native(calls.completed(span), price=price, is_repeating=calls.is_above_calls(span))
        reason = _why_it_does_not_count(span, event)
        if reason is None:
            received.counted += 1
        else:
            received.pass_over(span, reason)
        received.take_data(span.index, event)


def _why_it_does_not_count(span: Span, event: Mapping[str, Any]) -> Reason | None:
    """None for a span that says something of usage."""
    if LITELLM_CALL_ID in span.attributes or event["status"] == "error":
        return None
    if genai.is_orchestration(span):
        return "orchestration" if tells_no_calls(span.instrumentation) else None
    return None if genai.has_tokens(span) else "usage_not_stated"


def read_logs(body: bytes, *, encoding: Encoding, records_max: int, price: PriceFrom) -> Received:
    """The usage events of a request with logs, as `read_traces`."""
    received = Received()
    taken = 0
    for record in _LOG_READERS[encoding](body, records_max * SPANS_PER_RECORD):
        emitter = emitter_of_event(record.instrumentation, record.name)
        if emitter is None or not events.states_call(record, emitter):
            received.pass_over(record, "no_model_call")
            continue
        taken += 1
        if taken > records_max:
            raise too_many(records_max)
        received.counted += 1
        received.take_data(record.index, events.native(record, emitter, price=price))
    return received


def read_metrics(body: bytes, *, encoding: Encoding, records_max: int) -> Received:
    """What came of metrics: none of them counts, since each sums up calls that spans or events tell of one by one."""
    received = Received()
    for metric in _METRIC_READERS[encoding](body, records_max * SPANS_PER_RECORD):
        received.pass_over(metric, "metric")
    return received
