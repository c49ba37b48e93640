"""What 20 real emitters sent, and what of their upstream's calls each of them does not tell."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from allocation.usage.importers.otlp.reading import Received, read_logs, read_metrics, read_traces
from allocation.usage.importers.otlp.signals import Encoding
from tests.allocation.conftest import SHARED
from tests.allocation.otlp_bodies import as_json, as_protobuf

FOLDER = SHARED / "otlp"
SIGNALS = ("traces", "logs", "metrics")


class Untold(NamedTuple):
    """Of which scenarios an emitter states no usage, by the reason; which parts of a call it never states; and of which
    scenarios the list cost cannot be found for want of them. `reckoned` are scenarios whose tokens the emitter counted
    itself.
    """

    scenarios: dict[str, str] = {}
    parts: tuple[str, ...] = ()
    uncosted: frozenset[str] = frozenset()
    reckoned: frozenset[str] = frozenset()


NO_USAGE = {
    "chat-stream-nousage": "the stream was not asked for usage",
    "chat-stream-cut": "the client cut the stream before its usage came",
}
NOT_TRACED = "the instrumentation does not trace this interface"
NO_CALLS = "agents, tools and workflows have spans, model calls none"

EMITTERS: dict[str, Untold] = {
    "ai-sdk-otel-1.0.173": Untold(
        {"v-abort": "the span of a cut stream has no tokens"}, ("reasoning", "cache_write_1h"), frozenset({"v-claude"})
    ),
    "claude-code-2.1.197": Untold(),
    "codex-0.171.0": Untold(),
    "gemini-cli-0.61.0": Untold(),
    "langfuse-5.0.4": Untold(NO_USAGE),
    "litellm-proxy-otel-v1-1.108.7": Untold(reckoned=frozenset({"capv1-002"})),
    "litellm-proxy-otel-v2-1.108.7": Untold({}, ("reasoning",), reckoned=frozenset({"capv2-002"})),
    "openinference-instrumentation-anthropic-3.1.0": Untold(),
    "openinference-instrumentation-langchain-0.1.80": Untold(
        {"lc-stream": "the stream was not asked for usage", "lc-embed": NOT_TRACED}
    ),
    "openinference-instrumentation-litellm-0.1.51": Untold(),
    "openinference-instrumentation-openai-0.1.66": Untold(NO_USAGE),
    "opentelemetry-instrumentation-genai-anthropic-1.3b0": Untold(),
    "opentelemetry-instrumentation-genai-openai-1.3b0": Untold(NO_USAGE),
    "opentelemetry-instrumentation-genai-openai-agents-1.3b0": Untold(
        dict.fromkeys(("ag-responses", "ag-stream", "ag-chat", "ag-nested"), NO_CALLS)
    ),
    "opentelemetry-instrumentation-genai-openai-agents-plus-openai-1.3b0": Untold(),
    "opentelemetry-instrumentation-google-genai-1.3b0": Untold(),
    "opentelemetry-instrumentation-openai-v2-2.4b0": Untold(
        NO_USAGE | dict.fromkeys(("responses", "responses-stream", "responses-async-stream", "parse"), NOT_TRACED),
        ("cached", "cache_write", "reasoning"),
        frozenset({"chat-cached-reasoning", "chat-stream-usage"}),
    ),
    "pydantic-ai-2.62.0": Untold(),
    "traceloop-sdk-anthropic-0.62.4": Untold(),
    "traceloop-sdk-openai-0.62.4": Untold(NO_USAGE),
}


def bodies(emitter: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(signal, request) of everything it sent."""
    for signal in SIGNALS:
        for path in sorted((FOLDER / emitter).glob(f"{signal}-*.json")):
            yield signal, json.loads(path.read_text())


def received(emitter: str, encoding: Encoding = "json") -> list[tuple[str, Received]]:
    """(signal, what was read) of everything it sent."""
    return [(signal, _read(signal, body, encoding)) for signal, body in bodies(emitter)]


def _read(signal: str, body: dict[str, Any], encoding: Encoding) -> Received:
    packed = as_json(body) if encoding == "json" else as_protobuf(body)
    if signal == "traces":
        return read_traces(packed, encoding=encoding, records_max=10_000, price="catalogue")
    if signal == "logs":
        return read_logs(packed, encoding=encoding, records_max=10_000, price="catalogue")
    return read_metrics(packed, encoding=encoding, records_max=10_000)


def served(emitter: str) -> list[dict[str, Any]]:
    """What reached its upstream and was answered."""
    truth = json.loads((FOLDER / emitter / "truth.json").read_text())
    return [call for call in truth["calls"] if call["status"] == 200]
