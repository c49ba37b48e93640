"""A model call of the Vercel AI SDK in the names of the GenAI conventions.

Its own spans (versions 4 to 6) name the operation in `ai.operationId`: `ai.generateText.doGenerate` is one request to a
model, `ai.generateText` above it sums up its steps and is no call. Since version 7 its OpenTelemetry package writes the
conventions' names, which need no translation.
"""

from dataclasses import replace

from allocation.usage.importers.otlp import names
from allocation.usage.importers.otlp.genai import first_value
from allocation.usage.importers.otlp.spans import Scalar, Span

# The last part of an operation that is one request to a model, as an operation of the conventions.
OPERATIONS = {
    "doGenerate": "chat",
    "doStream": "chat",
    "doEmbed": "embeddings",
    "doRerank": "rerank",
}
# Of names such as `google.vertex.chat` the longest beginning that is a provider.
_PROVIDERS = {
    "google.generative-ai": "gemini",
    "google.vertex": "vertex_ai",
    "amazon-bedrock": "bedrock",
    "azure-openai": "azure",
}
# Providers whose input was without what was read from a cache and written to one, until the SDK added it.
_BESIDE = frozenset({"anthropic", "bedrock"})


def as_genai(span: Span) -> Span:
    """The span with what its `ai.*` attributes state under the conventions' names; any other span as it is."""
    stated = span.attributes.get(names.AI_SDK_OPERATION)
    operation = OPERATIONS.get(stated.rpartition(".")[2]) if isinstance(stated, str) else None
    if operation is None:
        return span
    provider, model = _provider(span), first_value(span.attributes, names.AI_SDK_MODELS)
    if provider == "gateway" and isinstance(model, str) and "/" in model:
        provider, _, model = model.partition("/")
    stated_too = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.response.model": model,
        names.RESPONSE_ID: span.attributes.get(names.AI_SDK_RESPONSE_ID),
    }
    attributes = {**span.attributes, **{name: value for name, value in stated_too.items() if value}}
    return replace(span, attributes=attributes | _tokens(span, provider))


def _provider(span: Span) -> str:
    stated = str(first_value(span.attributes, (names.AI_SDK_PROVIDER, *names.PROVIDERS)) or "").lower()
    known = next((name for beginning, name in _PROVIDERS.items() if stated.startswith(beginning)), None)
    return known or stated.partition(".")[0]


def _tokens(span: Span, provider: str) -> dict[str, Scalar]:
    """What the span states of tokens, with the parts inside their totals."""
    attributes = span.attributes
    stated = {
        "gen_ai.usage.input_tokens": first_value(attributes, (*names.AI_SDK_INPUT, *names.INPUT)),
        "gen_ai.usage.cache_read.input_tokens": first_value(attributes, (*names.AI_SDK_CACHED, *names.CACHED)),
        "gen_ai.usage.cache_write.input_tokens": first_value(attributes, (*names.AI_SDK_WRITTEN, *names.WRITTEN)),
        "gen_ai.usage.output_tokens": first_value(attributes, (*names.AI_SDK_OUTPUT, *names.OUTPUT)),
        "gen_ai.usage.reasoning.output_tokens": first_value(attributes, (*names.AI_SDK_REASONING, *names.REASONING)),
    }
    tokens = {name: value for name, value in stated.items() if value}
    if provider in _BESIDE and names.AI_SDK_FRESH not in attributes and all(type(n) is int for n in tokens.values()):
        beside = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens")
        tokens["gen_ai.usage.input_tokens"] = sum(
            int(tokens.get(name, 0)) for name in ("gen_ai.usage.input_tokens", *beside)
        )
    return tokens
