"""What real emitters sent, against what their upstream really served: every call they tell of, once, to the token."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from allocation.meters.documents import UsageEvent
from allocation.usage.importers.otlp.names import CALLS
from allocation.usage.importers.otlp.reading import read_traces
from tests.allocation.conftest import SHARED, needs_shared_data

CAPTURED = SHARED / "otlp"
NO_USAGE = frozenset({"chat-stream-nousage", "chat-stream-cut"})


class Untold(NamedTuple):
    """Of which scenarios an emitter's spans state no usage, and which parts it never states."""

    scenarios: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()


EMITTERS = {
    # A stream that its client cut has a span without tokens; reasoning is in no attribute.
    "ai-sdk-otel-1.0.173": Untold(frozenset({"v-abort"}), ("reasoning",)),
    "langfuse-5.0.4": Untold(NO_USAGE),
    "openinference-instrumentation-anthropic-3.1.0": Untold(),
    # A stream without usage; embeddings have no span.
    "openinference-instrumentation-langchain-0.1.80": Untold(frozenset({"lc-stream", "lc-embed"})),
    "openinference-instrumentation-litellm-0.1.51": Untold(),
    "openinference-instrumentation-openai-0.1.66": Untold(NO_USAGE),
    "opentelemetry-instrumentation-genai-anthropic-1.3b0": Untold(),
    "opentelemetry-instrumentation-genai-openai-1.3b0": Untold(NO_USAGE),
    # Its agents, tools and workflows have spans, its model calls none.
    "opentelemetry-instrumentation-genai-openai-agents-1.3b0": Untold(
        frozenset({"ag-responses", "ag-stream", "ag-chat", "ag-nested"})
    ),
    "opentelemetry-instrumentation-genai-openai-agents-plus-openai-1.3b0": Untold(),
    "opentelemetry-instrumentation-google-genai-1.3b0": Untold(),
    # It traces neither responses nor parsed completions, and states no part.
    "opentelemetry-instrumentation-openai-v2-2.4b0": Untold(
        NO_USAGE | {"responses", "responses-stream", "responses-async-stream", "parse"},
        ("cached", "cache_write", "reasoning"),
    ),
    "pydantic-ai-2.62.0": Untold(),
    "traceloop-sdk-anthropic-0.62.4": Untold(),
    "traceloop-sdk-openai-0.62.4": Untold(NO_USAGE),
}
PARTS = ("input", "cached", "cache_write", "output", "reasoning")
Call = tuple[Any, ...]


def served(emitter: str, untold: Untold) -> Counter[Call]:
    truth = json.loads((CAPTURED / emitter / "truth.json").read_text())
    return Counter(
        (
            call["model"],
            *(0 if part in untold.parts else call[part] for part in PARTS),
        )
        for call in truth["calls"]
        if call["status"] == 200 and call["scenario"] not in untold.scenarios
    )


def events_of(emitter: str) -> list[UsageEvent]:
    read = [
        read_traces(path.read_bytes(), encoding="json", records_max=10_000, price="catalogue")
        for path in sorted((CAPTURED / emitter).glob("traces-*.json"))
    ]
    return [event for incoming in read for event in incoming.events]


def counted(events: list[UsageEvent]) -> Counter[Call]:
    return Counter(
        (event.model, tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning)
        for event in events
        for tokens in (event.tokens,)
        if tokens.input or tokens.output
    )


@needs_shared_data
@pytest.mark.parametrize("emitter", EMITTERS)
def test_every_call_that_it_tells_of_counts_once_to_the_token(emitter: str) -> None:
    assert counted(events_of(emitter)) == served(emitter, EMITTERS[emitter])


@needs_shared_data
@pytest.mark.parametrize("emitter", EMITTERS)
def test_a_call_that_it_states_no_usage_of_is_no_call_at_a_price(emitter: str) -> None:
    """Agents, tools and workflows cost 0, since their calls are records of their own; of a call nobody says so."""
    silent = [event for event in events_of(emitter) if not (event.tokens.input or event.tokens.output)]

    assert {event.cost for event in silent if event.operation in CALLS} <= {None}
    assert {event.cost for event in silent if event.operation not in CALLS} <= {Decimal(0)}


@needs_shared_data
def test_one_hour_cache_writes_of_the_anthropic_sdk_have_their_own_count() -> None:
    events = events_of("opentelemetry-instrumentation-genai-anthropic-1.3b0")

    assert sorted(event.tokens.cache_write_1h for event in events if event.tokens.cache_write_1h) == [700]
