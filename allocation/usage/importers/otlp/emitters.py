"""What is known of each emitter, as of the version it was seen in: what of it is a model call, which name carries each
quantity, whether parts lie inside the input, what only repeats a call, and what cost it claims.

The readers of log events work by these rows alone. Spans are read by the names of all conventions at once
(`names.py`), so that an emitter nobody has listed counts too; of them the rows say what was seen, and a test holds the
rows to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter

NOTHING: frozenset[str] = frozenset()
EVENT_NAME = "event.name"
OPERATION = "gen_ai.operation.name"
KIND = "openinference.span.kind"
OBSERVATION = "langfuse.observation.type"


@dataclass(frozen=True, slots=True)
class Emitter:
    """A row. A span, or with `by_events` a log record, is a model call when its attribute `marked_by` is one of
    `calls`, a failed call when it is one of `failures`. `quantities` maps a kind of tokens onto the attribute that
    counts it; in `beside` are the kinds that lie beside the total they are a part of, not inside it. `scopes` are the
    beginnings of its instrumentations' names, `claims` names the cost it reckons. What `repeats` says is not counted,
    `untold` are calls or facts that nobody can count, `unstated` the parts of a counted call that it never states.
    """

    name: str
    version: str
    scopes: tuple[str, ...]
    marked_by: str
    calls: frozenset[str]
    quantities: Mapping[str, str]
    beside: frozenset[str] = NOTHING
    failures: frozenset[str] = NOTHING
    by_events: bool = False
    claims: str = ""
    repeats: str = ""
    untold: str = ""
    unstated: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)

    def sends(self, instrumentation: str) -> bool:
        """Whether an instrumentation of this name is this emitter's."""
        return instrumentation.startswith(self.scopes)


CONVENTIONS = {
    "input": "gen_ai.usage.input_tokens",
    "cached_input": "gen_ai.usage.cache_read.input_tokens",
    "output": "gen_ai.usage.output_tokens",
}
WRITTEN = {"cache_write": "gen_ai.usage.cache_write.input_tokens"}
CREATED = {"cache_write": "gen_ai.usage.cache_creation.input_tokens"}
REASONED = {"reasoning": "gen_ai.usage.reasoning.output_tokens"}
ANTHROPIC_SDK = {
    **CONVENTIONS, **WRITTEN, "cache_write_1h": "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
}  # fmt: skip
OPENINFERENCE = {
    "input": "llm.token_count.prompt",
    "cached_input": "llm.token_count.prompt_details.cache_read",
    "cache_write": "llm.token_count.prompt_details.cache_write",
    "output": "llm.token_count.completion",
}
OPENINFERENCE_REASONED = {**OPENINFERENCE, "reasoning": "llm.token_count.completion_details.reasoning"}
CHAT = frozenset({"chat"})
EMBEDS = frozenset({"chat", "embeddings"})
SDK_TRACES_ITSELF = "its span lies around that of Anthropic's own SDK, which tells more"
STREAMS = "a stream that was cut or asked for no usage"

CODING_AGENTS = (
    Emitter(
        "Claude Code", "2.1.197", ("com.anthropic.claude_code",), EVENT_NAME,
        frozenset({"api_request", "claude_code.api_request"}),
        {
            "input": "input_tokens", "cached_input": "cache_read_tokens", "cache_write": "cache_creation_tokens",
            "output": "output_tokens",
        },
        beside=frozenset({"cached_input", "cache_write"}),
        failures=frozenset({"api_error", "claude_code.api_error"}), by_events=True, claims="cost_usd",
        repeats="its metrics claude_code.token.usage and claude_code.cost.usage, and its spans",
        untold="which cache writes are kept for an hour: they show in the cost it claims",
        more={"session": "session.id", "task": "prompt.id", "number": "event.sequence", "provider": "anthropic"},
    ),
    Emitter(
        "Codex", "0.171.0", ("codex",), EVENT_NAME, frozenset({"codex.sse_event"}),
        {
            "input": "input_token_count", "cached_input": "cached_token_count",
            "cache_write": "cache_write_token_count", "output": "output_token_count",
            "reasoning": "reasoning_token_count",
        },
        failures=frozenset({"codex.api_request"}), by_events=True,
        repeats="its metric codex.turn.token_usage, its spans, and the event response.completed without counts",
        more={"session": "conversation.id", "task": "conversation.id", "provider": "openai"},
    ),
    Emitter(
        "Gemini CLI", "0.61.0", ("gemini-cli",), EVENT_NAME, frozenset({"gemini_cli.api_response"}),
        {
            "input": "input_token_count", "cached_input": "cached_content_token_count",
            "tool_input": "tool_token_count", "output": "output_token_count", "reasoning": "thoughts_token_count",
        },
        beside=frozenset({"tool_input", "reasoning"}), failures=frozenset({"gemini_cli.api_error"}), by_events=True,
        repeats="the event gen_ai.client.inference.operation.details, its metrics and its spans",
        more={"session": "session.id", "task": "prompt_id", "provider": "gemini"},
    ),
)  # fmt: skip
TRACERS = (
    Emitter(
        "Anthropic's Python SDK", "2.14.0", ("com.anthropic.sdk",), OPERATION, CHAT, ANTHROPIC_SDK,
    ),
    Emitter(
        "OpenTelemetry, Anthropic", "1.3b0", ("opentelemetry.instrumentation.genai.anthropic",), OPERATION, CHAT,
        {**CONVENTIONS, **WRITTEN}, repeats=SDK_TRACES_ITSELF,
    ),
    Emitter(
        "OpenTelemetry, OpenAI", "1.3b0", ("opentelemetry.instrumentation.genai.openai",), OPERATION, EMBEDS,
        {**CONVENTIONS, **REASONED}, untold=STREAMS,
    ),
    Emitter(
        "OpenTelemetry, OpenAI agents", "1.3b0", ("opentelemetry.instrumentation.genai.openai_agents",), OPERATION,
        NOTHING, {}, untold="model calls: install the instrumentation of the OpenAI SDK beside it",
    ),
    Emitter(
        "OpenTelemetry, Google GenAI", "1.3b0", ("opentelemetry.instrumentation.google_genai",), OPERATION,
        frozenset({"generate_content"}), {**CONVENTIONS, **REASONED},
    ),
    Emitter(
        "OpenTelemetry, OpenAI v2", "2.4b0", ("opentelemetry.instrumentation.openai_v2",), OPERATION, EMBEDS,
        {"input": CONVENTIONS["input"], "output": CONVENTIONS["output"]},
        untold=f"{STREAMS}; the Responses API and parsed completions",
        unstated=("cached_input", "cache_write", "reasoning"),
    ),
    Emitter(
        "OpenLLMetry, OpenAI", "0.62.4", ("opentelemetry.instrumentation.openai.v1",), OPERATION, EMBEDS,
        {**CONVENTIONS, "reasoning": "gen_ai.usage.reasoning_tokens"},
        repeats="its metric gen_ai.client.token.usage", untold=STREAMS,
    ),
    Emitter(
        "OpenLLMetry, Anthropic", "0.62.4", ("opentelemetry.instrumentation.anthropic",), OPERATION, CHAT,
        {**CONVENTIONS, **CREATED}, repeats=f"{SDK_TRACES_ITSELF}; its metric gen_ai.client.token.usage",
    ),
    Emitter(
        "OpenInference, OpenAI", "0.1.66", ("openinference.instrumentation.openai",), KIND,
        frozenset({"LLM", "EMBEDDING"}), OPENINFERENCE_REASONED, untold=STREAMS,
    ),
    Emitter(
        "OpenInference, Anthropic", "3.1.0", ("openinference.instrumentation.anthropic",), KIND, frozenset({"LLM"}),
        OPENINFERENCE, repeats=SDK_TRACES_ITSELF,
    ),
    Emitter(
        "OpenInference, LangChain", "0.1.80", ("openinference.instrumentation.langchain",), KIND, frozenset({"LLM"}),
        OPENINFERENCE_REASONED, repeats=SDK_TRACES_ITSELF, untold="embeddings; a stream that asked for no usage",
    ),
    Emitter(
        "OpenInference, LiteLLM", "0.1.51", ("openinference.instrumentation.litellm",), KIND,
        frozenset({"LLM", "EMBEDDING"}), OPENINFERENCE_REASONED, claims="llm.cost.total",
    ),
    Emitter(
        "pydantic-ai", "2.62.0", ("pydantic-ai",), OPERATION, CHAT,
        {**CONVENTIONS, **CREATED, "reasoning": "gen_ai.usage.details.reasoning_tokens"}, claims="operation.cost",
        repeats=f"{SDK_TRACES_ITSELF}; an agent's gen_ai.aggregated_usage",
    ),
    Emitter(
        "Vercel AI SDK", "1.0.173", ("gen_ai",), OPERATION, EMBEDS, {**CONVENTIONS, **CREATED},
        repeats="invoke_agent states the sum of its steps",
        untold="a stream that was cut", unstated=("reasoning", "cache_write_1h"),
    ),
    Emitter(
        "Langfuse", "5.0.4", ("langfuse-sdk",), OBSERVATION, frozenset({"generation", "embedding"}),
        {"usage": "langfuse.observation.usage_details"}, claims="langfuse.observation.cost_details", untold=STREAMS,
    ),
    Emitter(
        "LiteLLM proxy, first attribute set", "1.108.7", ("litellm",), OPERATION,
        frozenset({"acompletion", "aembedding", "aresponses", "anthropic_messages"}),
        {"usage": "metadata.usage_object", "input": CONVENTIONS["input"], "output": CONVENTIONS["output"]},
        claims="gen_ai.cost.total_cost", untold="that a cut stream's tokens are reckoned by the proxy",
    ),
    Emitter(
        "LiteLLM proxy, second attribute set", "1.108.7", ("litellm",), OPERATION, EMBEDS, {**CONVENTIONS, **CREATED},
        claims="litellm.cost.total", untold="that a cut stream's tokens are reckoned by the proxy",
        unstated=("reasoning",),
    ),
)  # fmt: skip
EMITTERS = (*CODING_AGENTS, *TRACERS)

# What is read of a log record beside the counts and costs above.
_OF_EVENTS = (
    EVENT_NAME, "event.kind", "event.timestamp", "model", "model_name", "speed", "duration_ms", "status_code",
    "http.response.status_code", "http.status_code", "request_id", "auth_type", "agent.name",
)  # fmt: skip
PEOPLE = ("user.email", "enduser.id", "user.account_uuid", "user.account_id", "user.id")
_MORE = ("session", "task", "number")
OF_EVENTS = frozenset(
    {
        *_OF_EVENTS, *PEOPLE,
        *(name for emitter in CODING_AGENTS for name in (*emitter.quantities.values(), emitter.claims) if name),
        *(emitter.more[part] for emitter in CODING_AGENTS for part in _MORE if part in emitter.more),
    }
)  # fmt: skip


@lru_cache(maxsize=1_000)
def told_by_events(instrumentation: str) -> Emitter | None:
    """The emitter of this instrumentation whose log events tell of its calls, so that its spans do not count."""
    return next((emitter for emitter in CODING_AGENTS if emitter.sends(instrumentation)), None)


# What it means for the cost that an emitter never states a part of its calls.
_WITHOUT = {
    "cached_input": "tokens read from a cache: they count as uncached input, so the cost may be too high",
    "cache_write": "tokens written to a cache: they count as input, so the cost may be too low",
    "cache_write_1h": "which tokens a cache keeps for an hour: they count as kept for five minutes, so the cost may be"
    " too low",
    "reasoning": "reasoning tokens: they count as output, at its price",
}


def unstated_by(emitter: Emitter) -> str:
    """What it never states of a call that it tells of, and what that does to the cost; empty where it states all."""
    if not emitter.unstated:
        return ""
    return f"{emitter.name} does not state {'; '.join(_WITHOUT[part] for part in emitter.unstated)}."


@lru_cache(maxsize=1_000)
def emitter_of_spans(instrumentation: str) -> Emitter | None:
    """The emitter whose instrumentation this is; of several whose names begin alike, the one with the longest."""
    named = [
        (len(beginning), emitter)
        for emitter in TRACERS
        for beginning in emitter.scopes
        if instrumentation.startswith(beginning)
    ]
    return max(named, key=itemgetter(0))[1] if named else None


def tells_no_calls(instrumentation: str) -> bool:
    """Whether an emitter is known to trace agents and tools and never a model call."""
    return any(not emitter.calls and emitter.sends(instrumentation) for emitter in TRACERS)


def emitter_of_event(instrumentation: str, name: str) -> Emitter | None:
    """The emitter whose event bears this name; the name is enough where a collector has lost the instrumentation's."""
    return next(
        (
            emitter
            for emitter in CODING_AGENTS
            if name in emitter.calls | emitter.failures and (emitter.sends(instrumentation) or "." in name)
        ),
        None,
    )
