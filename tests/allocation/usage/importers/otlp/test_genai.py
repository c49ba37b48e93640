from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.meters.documents import Money, UsageEvent
from allocation.usage.models import UsageRecord
from tests.allocation.otlp_bodies import NOW, TRACE, chat, request, span
from tests.allocation.usage.importers.otlp.read import PROMPT, events_of, post


def event_of(attributes: dict[str, Any], **more: Any) -> UsageEvent:
    (event,) = events_of(span(1, attributes, **more))
    return event


def test_a_chat_span_is_one_event() -> None:
    event = event_of(
        chat(
            **{
                "gen_ai.usage.cache_read.input_tokens": 400,
                "gen_ai.usage.cache_creation.input_tokens": 50,
                "gen_ai.usage.reasoning.output_tokens": 20,
                "gen_ai.conversation.id": "conversation-9",
                "gen_ai.agent.name": "planner",
                "gen_ai.input.messages": PROMPT,
            }
        ),
        at=NOW + timedelta(microseconds=123_456),
    )
    assert event.model_dump(exclude_defaults=True) == {
        "id": f"{TRACE}-0000000000000001",
        "source": "otlp",
        "occurred_at": NOW + timedelta(microseconds=123_456),
        "provider": "openai",
        "model": "gpt-4o",
        "tokens": {"input": 1000, "cached_input": 400, "cache_write": 50, "output": 100, "reasoning": 20},
        "attributes": {"service": "shop", "agent": "planner"},
        "task_id": TRACE,
        "session_id": "conversation-9",
        "latency_ms": 250,
    }


OLD = {"gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.prompt_tokens": 7}


@pytest.mark.parametrize(
    ("attributes", "more", "field", "wanted"),
    [
        pytest.param(OLD | {"gen_ai.usage.completion_tokens": 3}, {}, "tokens.output", 3, id="old names of tokens"),
        pytest.param(OLD, {}, "provider", "openai", id="the old name of the provider, in capitals"),
        pytest.param(OLD, {}, "operation", "chat", id="no operation named"),
        pytest.param(OLD | {"llm.request.type": "completion"}, {}, "operation", "completion", id="named the old way"),
        pytest.param(
            chat(gen_ai__response__model="gpt-4o-2024-08-06"), {}, "model", "gpt-4o-2024-08-06", id="the answer's model"
        ),
        pytest.param(chat(gen_ai__response__model=""), {}, "model", "gpt-4o", id="no model answered"),
        pytest.param(chat(gen_ai__provider__name="aws.bedrock"), {}, "provider", "bedrock", id="one name a provider"),
        pytest.param(chat(gen_ai__provider__name="azure.ai.openai"), {}, "provider", "azure", id="Azure's models"),
        pytest.param(chat(openai__response__service_tier="default"), {}, "service_tier", "standard", id="default tier"),
        pytest.param(
            chat(gen_ai__openai__request__service_tier="flex", openai__response__service_tier="priority"),
            {}, "service_tier", "priority", id="the tier that served",
        ),
        pytest.param(chat(), {"failed": True}, "status", "error", id="a failed span"),
        pytest.param(chat(error__type="timeout"), {}, "status", "error", id="a type of error"),
        pytest.param(
            chat(gen_ai__usage__cache_read__input_tokens=4000), {}, "tokens.input", 5000, id="cached beside the input"
        ),
        pytest.param(chat(weir__scope="acme/search"), {}, "scope", "acme/search", id="scope said outright"),
        pytest.param(chat(weir__task_id="task-7"), {}, "task_id", "task-7", id="task said outright"),
        pytest.param(chat(), {"lasted_ms": -1}, "latency_ms", None, id="ended before it began"),
        pytest.param(
            chat(), {"startTimeUnixNano": "1795481345446244864"}, "occurred_at.microsecond", 446_245,
            id="nearest microsecond",
        ),
    ],
)  # fmt: skip
def test_ways_of_saying_it(attributes: dict[str, Any], more: dict[str, Any], field: str, wanted: object) -> None:
    found: Any = event_of(attributes, **more)
    for name in field.split("."):
        found = getattr(found, name)
    assert found == wanted


@pytest.mark.parametrize(("query", "cost"), [("", "0.0035"), ("?price=billed", "0.25")])
def test_a_stated_cost_counts_when_asked_for(sender: APIClient, query: str, cost: str) -> None:
    post(sender, request(span(1, chat(gen_ai__usage__cost=0.25))), query=query)
    assert UsageRecord.objects.get().cost == Decimal(cost)


@pytest.mark.parametrize(
    ("stated", "claimed"),
    [
        pytest.param({"gen_ai.usage.cost": 0.25}, "0.25", id="OpenTelemetry's name"),
        pytest.param({"operation.cost": 0.0089125}, "0.0089125", id="pydantic-ai's"),
        pytest.param({"llm.cost.total": 1.08e-06}, "0.00000108", id="OpenInference's"),
        pytest.param({"llm.cost.prompt": 0.5, "llm.cost.completion": 0.25}, "0.75", id="its parts without their sum"),
        pytest.param({"gen_ai.usage.cost": 0, "llm.cost.total": 0.5}, "0.5", id="nought is no claim"),
        pytest.param({"gen_ai.usage.cost": "much"}, None, id="no number"),
        pytest.param({"gen_ai.usage.cost": -1.5}, None, id="below nothing"),
        pytest.param({}, None, id="none"),
    ],
)
def test_a_claimed_cost_is_kept_beside_ours(stated: dict[str, Any], claimed: str | None) -> None:
    event = event_of(chat() | stated)

    assert event.claimed_cost == (None if claimed is None else Money(amount=Decimal(claimed), currency="USD"))
    assert event.cost is None


def test_a_failed_call_claims_nothing_and_needs_no_model() -> None:
    told = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.usage.cost": 0.25}
    event = event_of(told, failed=True)

    assert (event.status, event.model, event.cost, event.claimed_cost) == ("error", "unknown", None, None)


def test_a_call_that_names_no_provider_was_served_by_the_models_maker() -> None:
    told = {"openinference.span.kind": "EMBEDDING", "embedding.model_name": "text-embedding-3-small",
            "llm.token_count.prompt": 345}  # fmt: skip

    assert event_of(told).provider == "openai"
    assert event_of({**told, "embedding.model_name": "in-house-7b"}).provider == "unknown"


@pytest.mark.parametrize(
    ("stated", "audio"),
    [
        pytest.param((600, 40), (600, 40), id="parts of the input and the output"),
        pytest.param((900, 90), (600, 80), id="no more than what is neither cached nor reasoning"),
        pytest.param((0, 0), (0, 0), id="none"),
    ],
)
def test_audio_tokens_have_their_own_count(stated: tuple[int, int], audio: tuple[int, int]) -> None:
    told = {
        "openinference.span.kind": "LLM", "llm.provider": "openai", "llm.model_name": "gpt-4o-audio-preview",
        "llm.token_count.prompt": 1000, "llm.token_count.prompt_details.cache_read": 400,
        "llm.token_count.completion": 100, "llm.token_count.completion_details.reasoning": 20,
        "llm.token_count.prompt_details.audio": stated[0], "llm.token_count.completion_details.audio": stated[1],
    }  # fmt: skip
    tokens = event_of(told).tokens

    assert (tokens.input, tokens.output, tokens.audio_input, tokens.audio_output) == (1000, 100, *audio)


OF_OLD = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-5"}


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        pytest.param(
            {"llm.vendor": "openai", "llm.request.model": "gpt-5", "llm.request.type": "chat",
             "llm.usage.prompt_tokens": 90, "llm.usage.completion_tokens": 9}, (90, 0, 0, 9, 0), id="OpenLLMetry first",
        ),
        pytest.param(
            OF_OLD | {"gen_ai.usage.prompt_tokens": 90, "gen_ai.usage.completion_tokens": 9,
                      "gen_ai.usage.cache_read_input_tokens": 40, "gen_ai.usage.cache_creation_input_tokens": 20,
                      "gen_ai.usage.reasoning_tokens": 3}, (90, 40, 20, 9, 3), id="OpenLLMetry's second",
        ),
        pytest.param(
            OF_OLD | {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 9,
                      "gen_ai.usage.input_tokens.cached": 40, "gen_ai.usage.output_tokens.reasoning": 3},
            (90, 40, 0, 9, 3), id="parts behind their totals",
        ),
        pytest.param(
            OF_OLD | {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 9,
                      "gen_ai.usage.details.cache_read_tokens": 40, "gen_ai.usage.details.cache_write_tokens": 20,
                      "gen_ai.usage.details.reasoning_tokens": 3}, (90, 40, 20, 9, 3), id="details alone",
        ),
        pytest.param(
            OF_OLD | {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 9,
                      "gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.details.cache_read_tokens": 40,
                      "gen_ai.usage.details.cache_read_input_tokens": 40}, (90, 40, 0, 9, 0),
            id="details that repeat what is stated",
        ),
    ],
)  # fmt: skip
def test_older_spellings(told: dict[str, Any], counts: tuple[int, ...]) -> None:
    tokens = event_of(told).tokens

    assert (tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning) == counts


@pytest.mark.parametrize("kind", ["AGENT", "CHAIN", "TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR", "PROMPT"])
def test_openinferences_other_kinds_state_sums_of_the_calls_below(kind: str) -> None:
    told = {"openinference.span.kind": kind, "llm.model_name": "gpt-4o", "llm.token_count.prompt": 900}

    assert events_of(span(1, told)) == []


def test_openinferences_reranker_is_a_call() -> None:
    told = {"openinference.span.kind": "RERANKER", "reranker.model_name": "rerank-v3.5", "llm.provider": "cohere"}
    event = event_of(told)

    assert (event.operation, event.provider, event.model) == ("rerank", "cohere", "rerank-v3.5")
