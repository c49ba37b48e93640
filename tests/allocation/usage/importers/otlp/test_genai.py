from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.meters.documents import UsageEvent
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
