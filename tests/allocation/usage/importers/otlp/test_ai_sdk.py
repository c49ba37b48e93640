"""Spans of the Vercel AI SDK before it wrote the conventions' names."""

from typing import Any

import pytest

from tests.allocation.otlp_bodies import span
from tests.allocation.usage.importers.otlp.read import PROMPT, events_of

FOUR = {
    "ai.operationId": "ai.streamText.doStream", "ai.model.provider": "openai.chat", "ai.model.id": "gpt-4o",
    "ai.usage.promptTokens": 800, "ai.usage.completionTokens": 70, "ai.prompt.messages": PROMPT,
    "gen_ai.system": "openai.chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 800,
    "gen_ai.usage.output_tokens": 70,
}  # fmt: skip
FIVE = {
    "ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-sonnet-4-5", "ai.response.model": "claude-sonnet-4-5-20250929", "ai.usage.inputTokens": 100,
    "ai.usage.cachedInputTokens": 4000, "ai.usage.outputTokens": 50, "ai.usage.reasoningTokens": 20,
}  # fmt: skip
SIX = {
    "ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-sonnet-4-5", "ai.usage.inputTokens": 4800, "ai.usage.outputTokens": 50,
    "ai.usage.inputTokenDetails.noCacheTokens": 100, "ai.usage.inputTokenDetails.cacheReadTokens": 4000,
    "ai.usage.inputTokenDetails.cacheWriteTokens": 700, "ai.usage.outputTokenDetails.reasoningTokens": 20,
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param(FOUR, ("openai", "gpt-4o", 800, 0, 0, 70, 0), id="version 4"),
        pytest.param(FIVE, ("anthropic", "claude-sonnet-4-5-20250929", 4100, 4000, 0, 50, 20),
                     id="version 5, Claude's cache beside the input"),
        pytest.param(FIVE | {"ai.model.provider": "openai.responses", "ai.response.model": "gpt-5",
                             "ai.usage.inputTokens": 4100},
                     ("openai", "gpt-5", 4100, 4000, 0, 50, 20), id="version 5, OpenAI's inside it"),
        pytest.param(SIX, ("anthropic", "claude-sonnet-4-5", 4800, 4000, 700, 50, 20), id="version 6, inside it"),
        pytest.param(FIVE | {"ai.model.provider": "amazon-bedrock"},
                     ("bedrock", "claude-sonnet-4-5-20250929", 4100, 4000, 0, 50, 20), id="Bedrock"),
        pytest.param(FOUR | {"ai.model.provider": "google.generative-ai", "ai.model.id": "gemini-2.5-pro"},
                     ("gemini", "gemini-2.5-pro", 800, 0, 0, 70, 0), id="Gemini"),
        pytest.param(FOUR | {"ai.model.provider": "google.vertex.chat"},
                     ("vertex_ai", "gpt-4o", 800, 0, 0, 70, 0), id="Vertex"),
        pytest.param(FOUR | {"ai.model.provider": "gateway", "ai.model.id": "xai/grok-4"},
                     ("xai", "grok-4", 800, 0, 0, 70, 0), id="through Vercel's gateway"),
    ],
)  # fmt: skip
def test_each_version_and_provider(told: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    (event,) = events_of(span(1, told, kind="internal"))

    tokens = event.tokens
    counts = (tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning)
    assert (event.provider, event.model, *counts) == wanted
    assert event.operation == "chat"


def test_embeddings_state_their_tokens_by_a_name_of_their_own() -> None:
    told = {
        "ai.operationId": "ai.embedMany.doEmbed", "ai.model.provider": "openai.embedding",
        "ai.model.id": "text-embedding-3-small", "ai.usage.tokens": 64,
    }  # fmt: skip
    (event,) = events_of(span(1, told, kind="internal"))

    assert (event.operation, event.provider, event.tokens.input) == ("embeddings", "openai", 64)


def test_the_operation_around_its_steps_and_a_tools_call_are_no_calls() -> None:
    total = {**FIVE, "ai.operationId": "ai.generateText", "ai.usage.inputTokens": 200}
    tool = {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "weather"}

    events = events_of(
        span(1, total, kind="internal"), span(2, FIVE, parent=1, kind="internal"),
        span(3, tool, parent=1, kind="internal"), span(4, FIVE, parent=1, kind="internal"),
    )  # fmt: skip
    assert [event.id[-1] for event in events] == ["2", "4"]


def test_what_the_caller_says_of_the_call_is_kept() -> None:
    told = FOUR | {
        "ai.telemetry.functionId": "answer", "ai.telemetry.metadata.feature": "search",
        "ai.telemetry.metadata.sessionId": "s-1", "ai.telemetry.metadata.userId": "ada",
    }  # fmt: skip
    (event,) = events_of(span(1, told, kind="internal"))

    attributes = event.attributes or {}
    assert len(attributes.pop("end_user")) == 24
    assert (event.session_id, attributes) == (
        "s-1", {"service": "shop", "function": "answer", "feature": "search"}
    )  # fmt: skip
