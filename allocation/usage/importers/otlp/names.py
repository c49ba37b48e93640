"""The attribute names by which emitters report a call: of each quantity, the newest convention first.

OpenTelemetry GenAI (old and new), OpenLLMetry, pydantic-ai, Anthropic's SDK, OpenInference and Langfuse, captured in
November 2026. `gen_ai.usage.details.*` copies what other names state, so it is read only where they are missing.
"""

PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
MODELS = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "embedding.model_name")
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
CACHED = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)  # fmt: skip
WRITTEN = (
    "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)  # fmt: skip
# A part of what is written to the cache, at a price of its own.
WRITTEN_1H = ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",)
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)  # fmt: skip
RESPONSE_ID = "gen_ai.response.id"
SESSIONS = ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id")
PEOPLE = ("enduser.id", "user.id", "traceloop.association.properties.user_id")
OPENINFERENCE_KIND = "openinference.span.kind"
# OpenInference's kinds of spans that are a model call, as operations of the GenAI conventions.
OPENINFERENCE_OPERATIONS = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"}
# Operations that are a model call. Another one is a call only where it states tokens that no call below it states.
CALLS = frozenset(
    {"chat", "generate_content", "text_completion", "completion", "embeddings", "rerank", "responses", "messages"}
)
# Any property a tracer's user attached, read for attribution by its bare name.
ASSOCIATION_PREFIX = "traceloop.association.properties."
LANGFUSE_TYPE = "langfuse.observation.type"
LANGFUSE_MODEL = "langfuse.observation.model.name"
LANGFUSE_USAGE = "langfuse.observation.usage_details"
LANGFUSE_COST = "langfuse.observation.cost_details"

ALL = frozenset(
    {
        *PROVIDERS, *MODELS, *INPUT, *OUTPUT, *CACHED, *WRITTEN, *WRITTEN_1H, *REASONING, *SESSIONS, *PEOPLE,
        RESPONSE_ID, OPENINFERENCE_KIND, LANGFUSE_TYPE, LANGFUSE_MODEL, LANGFUSE_USAGE, LANGFUSE_COST,
    }
)  # fmt: skip
