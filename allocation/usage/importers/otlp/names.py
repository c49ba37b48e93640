"""The attribute names by which spans report a call: of each quantity, the newest convention first.

OpenTelemetry GenAI (old and new), OpenLLMetry, pydantic-ai, Anthropic's SDK, OpenInference, Langfuse and the Vercel AI
SDK; `emitters.py` says which of them each emitter writes. `gen_ai.usage.details.*` copies what other names state, so it
is read only where they are missing.
"""

PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor")
MODELS = (
    "gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "embedding.model_name", "reranker.model_name",
    "llm.response.model", "llm.request.model",
)  # fmt: skip
INPUT = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens",
)  # fmt: skip
OUTPUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "llm.usage.completion_tokens",
)  # fmt: skip
CACHED = (
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_tokens",
    "gen_ai.usage.input_tokens.cached", "gen_ai.usage.cache_read_tokens", "llm.token_count.prompt_details.cache_read",
    "llm.usage.cache_read_input_tokens", "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cached_tokens",
)  # fmt: skip
WRITTEN = (
    "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write", "gen_ai.usage.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write", "llm.token_count.prompt_details.cache_creation",
    "llm.usage.cache_creation_input_tokens", "gen_ai.usage.details.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
)  # fmt: skip
# A part of what is written to the cache, at a price of its own.
WRITTEN_1H = (
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens", "gen_ai.usage.details.ephemeral_1h_input_tokens",
    "llm.token_count.prompt_details.cache_write_1h",
)  # fmt: skip
REASONING = (
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.details.reasoning_tokens", "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
)  # fmt: skip
AUDIO_INPUT = ("llm.token_count.prompt_details.audio", "gen_ai.usage.details.input_audio_tokens")
AUDIO_OUTPUT = ("llm.token_count.completion_details.audio", "gen_ai.usage.details.output_audio_tokens")
# What the emitter reckons the call cost, in US dollars.
CLAIMED = ("gen_ai.usage.cost", "operation.cost", "llm.cost.total", "gen_ai.usage.total_cost")
CLAIMED_PARTS = ("llm.cost.prompt", "llm.cost.completion")
TIERS = (
    "openai.response.service_tier", "gen_ai.openai.response.service_tier",
    "anthropic.response.service_tier", "openai.request.service_tier", "gen_ai.openai.request.service_tier",
)  # fmt: skip
RESPONSE_ID = "gen_ai.response.id"
SESSIONS = (
    "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id",
    "ai.telemetry.metadata.sessionId", "langfuse.session.id",
)  # fmt: skip
PEOPLE = (
    "enduser.id", "user.id", "traceloop.association.properties.user_id", "ai.telemetry.metadata.userId",
    "langfuse.user.id",
)  # fmt: skip
OPENINFERENCE_KIND = "openinference.span.kind"
# OpenInference's kinds of spans that are a model call, as operations of the GenAI conventions. Its other kinds (AGENT,
# CHAIN, TOOL, RETRIEVER, GUARDRAIL, EVALUATOR, PROMPT) state at most the sum of the calls below them.
OPENINFERENCE_OPERATIONS = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"}
# Operations that are a model call. Another one is a call only where it states tokens that no call below it states.
CALLS = frozenset(
    {"chat", "generate_content", "text_completion", "completion", "embeddings", "rerank", "responses", "messages"}
)
# Any property a tracer's user attached, read for attribution by its bare name.
ASSOCIATION_PREFIX = "traceloop.association.properties."
AI_SDK_PREFIX = "ai.telemetry.metadata."
LANGFUSE_TYPE = "langfuse.observation.type"
LANGFUSE_MODEL = "langfuse.observation.model.name"
LANGFUSE_USAGE = "langfuse.observation.usage_details"
LANGFUSE_COST = "langfuse.observation.cost_details"
LANGFUSE = frozenset({LANGFUSE_TYPE, LANGFUSE_MODEL, LANGFUSE_USAGE, LANGFUSE_COST})
AI_SDK_OPERATION = "ai.operationId"
AI_SDK_PROVIDER = "ai.model.provider"
AI_SDK_MODELS = ("ai.response.model", "ai.model.id")
AI_SDK_INPUT = ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens")
AI_SDK_OUTPUT = ("ai.usage.outputTokens", "ai.usage.completionTokens")
AI_SDK_CACHED = ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens")
AI_SDK_WRITTEN = ("ai.usage.inputTokenDetails.cacheWriteTokens", "ai.usage.cacheCreationInputTokens")
AI_SDK_REASONING = ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens")
# Stated since its totals hold their parts, whoever made the model.
AI_SDK_FRESH = "ai.usage.inputTokenDetails.noCacheTokens"
AI_SDK_RESPONSE_ID = "ai.response.id"
AI_SDK_FUNCTION = "ai.telemetry.functionId"
AI_SDK = frozenset(
    {
        AI_SDK_OPERATION, AI_SDK_PROVIDER, *AI_SDK_MODELS, *AI_SDK_INPUT, *AI_SDK_OUTPUT, *AI_SDK_CACHED,
        *AI_SDK_WRITTEN, *AI_SDK_REASONING, AI_SDK_FRESH, AI_SDK_RESPONSE_ID, AI_SDK_FUNCTION,
    }
)  # fmt: skip
# Each marks a span of an instrumentation of models, whether it is a call or a step between calls.
STEPS = frozenset({OPENINFERENCE_KIND, LANGFUSE_TYPE, AI_SDK_OPERATION})

ALL = frozenset(
    {
        *PROVIDERS, *MODELS, *INPUT, *OUTPUT, *CACHED, *WRITTEN, *WRITTEN_1H, *REASONING, *AUDIO_INPUT, *AUDIO_OUTPUT,
        *CLAIMED, *CLAIMED_PARTS, *TIERS, *SESSIONS, *PEOPLE, RESPONSE_ID, OPENINFERENCE_KIND, *LANGFUSE, *AI_SDK,
    }
)  # fmt: skip
TOTALS = (*INPUT, *OUTPUT)
OF_PROVIDERS = frozenset(PROVIDERS)
# Attributes with any name behind these are read.
PREFIXES = (ASSOCIATION_PREFIX, AI_SDK_PREFIX)
