"""Texts of prompts at every place where a client can put text: none is in a table, a line of the log or an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as HttpClient
from rest_framework.test import APIClient

from allocation.meters.documents import EVENT_FIELDS, TOKEN_FIELDS
from allocation.outcomes.documents import OUTCOME_FIELDS
from allocation.quarantine.models import QuarantinedUsage
from governance.scopes.models import Scope
from tests.adversary.canaries import PROMPTS, Canaries, found, logged, stored
from tests.adversary.isolation_world import own_person
from tests.allocation.conftest import AT, Client, acme, client_of, document
from tests.allocation.otlp_bodies import PROTOBUF, as_protobuf, chat, log_record, logs, metrics, request, span

__all__ = ["acme", "client_of"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

BACKEND = "django.contrib.auth.backends.ModelBackend"
# Fields that hold names by contract: what a sender calls a thing is kept as it calls it.
NAMES = frozenset({
    "id", "other_ids", "source", "scope", "provider", "model", "operation", "service_tier", "task_id", "session_id",
    "status", "attributes", "mended", "task_ids",
})  # fmt: skip
OUTCOME: dict[str, Any] = {
    "id": "o", "source": "s", "occurred_at": "2026-11-24T12:00:00Z", "scope": "acme/search", "name": "solved",
    "success": True,
}  # fmt: skip
PAYLOAD: dict[str, Any] = {
    "litellm_call_id": "1", "id": "1", "startTime": AT.timestamp() - 60, "endTime": AT.timestamp() - 59,
    "model": "gpt-4o", "custom_llm_provider": "openai", "status": "success", "prompt_tokens": 10,
    "completion_tokens": 1, "metadata": {},
}  # fmt: skip
TEXTS_OF_SPANS = (
    "gen_ai.prompt", "gen_ai.completion", "gen_ai.input.messages", "gen_ai.output.messages",
    "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "llm.prompts", "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.content", "input.value", "output.value", "traceloop.entity.input", "ai.prompt",
    "ai.response.text", "exception.message", "db.statement", "url.full",
)  # fmt: skip


def native(marks: Canaries) -> Iterator[tuple[str, str, Any]]:
    for field in sorted(EVENT_FIELDS - NAMES):
        yield from (("usage", "application/json", [document(**{field: value})]) for value in marks.shapes(field))
    for field in sorted(TOKEN_FIELDS):
        yield "usage", "application/json", [document(tokens={field: marks.at(f"tokens.{field}")})]
    for place in PROMPTS:
        yield from (("usage", "application/json", [document(**{place: value})]) for value in marks.shapes(place))
    yield "usage", "application/json", [document(**{marks.name("a name"): 1})]
    yield "usage", "application/json", [document(cost={"amount": marks.at("amount"), "currency": marks.at("currency")})]
    yield "usage", "application/json", marks.at("not an object")
    yield "usage", "application/json", [marks.at("in a list")]


METRIC: dict[str, Any] = {
    "id": "m", "source": "hr", "metric": "seats", "scope": "acme/search", "on": "2026-11-24", "value": 1,
}  # fmt: skip


def in_both(signal: str, body: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """As JSON and as protobuf."""
    yield f"otlp/v1/{signal}", "application/json", body
    yield f"otlp/v1/{signal}", PROTOBUF, as_protobuf(body)


def others(marks: Canaries) -> Iterator[tuple[str, str, Any]]:
    for place in (*PROMPTS, "metadata", "hidden_params", "request_tags_text"):
        for value in marks.shapes(f"litellm {place}"):
            yield "usage/litellm", "application/json", [PAYLOAD | {place: value}]
    for field in sorted(OUTCOME_FIELDS - NAMES):
        yield from (
            ("outcomes", "application/json", [OUTCOME | {field: value}]) for value in marks.shapes(f"outcome {field}")
        )
    for place in TEXTS_OF_SPANS:
        told = {**chat(), place: marks.at(f"span {place}")}
        event = {"name": "gen_ai.content", "attributes": [{"key": place, "value": {"stringValue": marks.at("event")}}]}
        record = log_record("gen_ai.user.message", {place: marks.at(f"log {place}")})
        yield from in_both("traces", request(span(1, told, events=[event], name=marks.at("a span's name"))))
        yield from in_both("logs", logs(record | {"body": {"stringValue": marks.at("log body")}}))
        failed = span(2, chat(), failed=True) | {"status": {"code": 2, "message": marks.at("an error")}}
        yield from in_both("traces", request(failed, resource={marks.name("an attribute"): marks.at("a resource's")}))
    yield from in_both("metrics", metrics("a.metric", marks.at("a metric"), scope=marks.at("a metric's scope")))
    for signal in ("traces", "logs", "metrics"):
        yield f"otlp/v1/{signal}", PROTOBUF, marks.at("no message at all").encode()
        yield f"otlp/v1/{signal}", "application/json", marks.at("no request")
    for field in ("on", "value", "prompt"):
        yield from (
            ("allocation-metrics", "application/json", [METRIC | {field: value}]) for value in marks.shapes(field)
        )
    yield "allocation-metrics", "application/json", [METRIC | {marks.name("a metric's field"): 1}]
    yield "allocation-metrics", "application/json", marks.at("no metric")
    for place in ("prompt", "messages", "input"):
        asked = {"scope": "acme/search", "model": "gpt-4o"}
        yield from (
            ("decisions", "application/json", asked | {place: value}) for value in marks.shapes(f"asked {place}")
        )
    yield "decisions", "application/json", {marks.name("a field of a question"): 1}
    envelope = {
        "specversion": "1.0",
        "type": marks.at("event type"),
        "id": "1",
        "source": "s",
        "data": marks.at("data"),
    }
    yield "usage", "application/cloudevents+json", envelope


@pytest.mark.parametrize("road", [native, others])
def test_no_text_of_a_prompt_is_kept_or_told(acme: Scope, client_of: Client, road: Any) -> None:
    marks, client = Canaries(), client_of(acme, "admin")
    answers = []
    with logged() as written:
        for path, kind, body in road(marks):
            sent = body if isinstance(body, bytes) else json.dumps(body)
            answers.append(client.post(f"/api/v1/{path}", sent, content_type=kind).content.decode(errors="replace"))
        for path in ("/api/v1/", "/api/v1/scopes/", "/admin/", "/"):
            client.get(f"{path}{marks.name('a path')}/{marks.name('below it')}", {"q": marks.at("a query")})
        APIClient().get("/api/v1/usage", HTTP_HOST=f"{marks.name('a host')}.example".lower())
    assert found(marks, *answers) == []
    assert found(marks, written.getvalue()) == []
    assert found(marks, *stored()) == []


CORRECTED = ("latency_ms", "estimated", "cached_response", "claimed_cost", "tokens", "occurred_at", "cost", "requests")


def test_a_correction_keeps_no_text_either(acme: Scope, client_of: Client) -> None:
    """What is mended counts, and would stand in the chain for ever."""
    marks, answers, sender, person = Canaries(), [], client_of(acme, "usage:write"), HttpClient()
    person.force_login(own_person("ada@example.com", acme, "finops"), BACKEND)
    with logged() as written:
        for field in (*CORRECTED, "prompt"):
            for value in (*marks.shapes(f"corrected {field}"), {"amount": "1", "currency": marks.at("a currency")}):
                sender.post("/api/v1/usage", [document(scope="acme/gone")], format="json")
                waiting = QuarantinedUsage.objects.waiting().get()
                body = {"changes": {"scope": "acme/search", field: value}, "reason": "It moved."}
                path = f"/api/v1/quarantine/{waiting.pk}/correct"
                answers.append(person.post(path, body, content_type="application/json").content.decode())
                QuarantinedUsage.objects.waiting().update(set_aside_at=AT)
    assert found(marks, *answers) == []
    assert found(marks, written.getvalue()) == []
    assert found(marks, *stored()) == []
