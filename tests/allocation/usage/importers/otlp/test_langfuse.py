"""Langfuse's own spelling of usage, as the GenAI conventions name it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from allocation.meters.documents import UsageEvent
from allocation.usage.importers.otlp.reading import read_traces
from tests.allocation.otlp_bodies import as_json, request, span


def generation(usage: object, **more: Any) -> dict[str, Any]:
    return {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "gpt-5",
        "langfuse.observation.usage_details": usage if isinstance(usage, str) else json.dumps(usage),
        "user.id": "ada",
        "session.id": "sess-1",
    } | {name.replace("__", "."): value for name, value in more.items()}


def event_of(attributes: dict[str, Any], price: Any = "catalogue") -> UsageEvent:
    (event,) = read_traces(as_json(request(span(1, attributes))), encoding="json", records_max=9, price=price).events
    return event


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        pytest.param(
            {"prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110,
             "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 5}},
            (90, 40, 0, 20, 5), id="chat completions",
        ),
        pytest.param(
            {"input_tokens": 90, "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 5},
             "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 7}},
            (90, 40, 7, 20, 5), id="responses",
        ),
        pytest.param(
            {"input": 10, "output": 20, "cache_read_input_tokens": 70, "cache_creation_input_tokens": 3},
            (83, 70, 3, 20, 0), id="Langfuse's disjoint keys",
        ),
        pytest.param({"input": 9, "output": 15, "output_reasoning_tokens": 5}, (9, 0, 0, 20, 5), id="reasoning apart"),
        pytest.param("{not json", (0, 0, 0, 0, 0), id="no JSON"),
        pytest.param("[1]", (0, 0, 0, 0, 0), id="no object"),
    ],
)  # fmt: skip
def test_usage_details(usage: object, wanted: tuple[int, ...]) -> None:
    event = event_of(generation(usage))

    tokens = event.tokens
    assert (tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning) == wanted
    assert (event.provider, event.model, event.operation, event.session_id) == ("openai", "gpt-5", "chat", "sess-1")


def test_a_model_that_the_catalogue_cannot_place_has_no_provider() -> None:
    assert event_of(generation({"input": 1}, langfuse__observation__model__name="in-house-7b")).provider == "unknown"


def test_a_stated_cost_counts_where_it_is_asked_for() -> None:
    stated = generation({"input": 10, "output": 20}, langfuse__observation__cost_details='{"total": 0.0123}')

    assert event_of(stated).cost is None
    assert event_of(stated, price="billed").cost == Decimal("0.0123")


def test_an_embedding_is_one() -> None:
    assert event_of(generation({"input": 108}, langfuse__observation__type="embedding")).operation == "embeddings"


@pytest.mark.parametrize("kind", ["span", "agent", "tool", "event"])
def test_other_observations_are_no_calls(kind: str) -> None:
    spans = span(1, generation({"input": 108}, langfuse__observation__type=kind))

    assert read_traces(as_json(request(spans)), encoding="json", records_max=9, price="catalogue").events == []
