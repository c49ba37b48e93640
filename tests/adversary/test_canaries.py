"""Texts of prompts at every place where a client can put text: none is in a table, a line of the log or an answer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from allocation.meters.documents import EVENT_FIELDS, TOKEN_FIELDS
from allocation.outcomes.documents import OUTCOME_FIELDS
from config.logs import LineFormatter, WithoutRequest
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client, acme, client_of, document
from tests.allocation.otlp_bodies import chat, log_record, logs, metrics, request, span

__all__ = ["acme", "client_of"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

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
PROMPTS = (
    "messages", "prompt", "response", "input", "output", "error_str", "content", "proxy_server_request",
    "model_parameters", "error_information", "guardrail_information", "cache_key_text",
)  # fmt: skip
TEXTS_OF_SPANS = (
    "gen_ai.prompt", "gen_ai.completion", "gen_ai.input.messages", "gen_ai.output.messages",
    "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "llm.prompts", "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.content", "input.value", "output.value", "traceloop.entity.input", "ai.prompt",
    "ai.response.text", "exception.message", "db.statement", "url.full",
)  # fmt: skip


class Canaries:
    """A text for each place, and the places by it."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def at(self, place: str) -> str:
        mark = f"CANARY{len(self.places):04d}X"
        self.places[mark] = place
        return f"tell nobody {mark} of this"

    def name(self, place: str) -> str:
        return self.at(place).split()[2]

    def shapes(self, place: str) -> tuple[Any, ...]:
        text = self.at
        return (
            text(place), [text(f"{place}[]")], {"text": text(f"{place}{{}}")}, {self.name(f"{place}{{name}}"): 1},
            [{"content": text(f"{place}[{{}}]")}],
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
        yield "otlp/v1/traces", "application/json", request(span(1, told, events=[event]))
        record = log_record("gen_ai.user.message", {place: marks.at(f"log {place}")})
        yield "otlp/v1/logs", "application/json", logs(record | {"body": {"stringValue": marks.at("log body")}})
    yield "otlp/v1/metrics", "application/json", metrics("a.metric", scope=marks.at("a metric's scope"))
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
    marks, client, written = Canaries(), client_of(acme, "admin"), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LineFormatter())
    handler.addFilter(WithoutRequest())
    logging.getLogger().addHandler(handler)
    answers = []
    try:
        for path, kind, body in road(marks):
            answers.append(client.post(f"/api/v1/{path}", json.dumps(body), content_type=kind).content.decode())
        for path in ("/api/v1/", "/api/v1/scopes/", "/admin/", "/"):
            client.get(f"{path}{marks.name('a path')}/{marks.name('below it')}", {"q": marks.at("a query")})
        APIClient().get("/api/v1/usage", HTTP_HOST=f"{marks.name('a host')}.example".lower())
    finally:
        logging.getLogger().removeHandler(handler)
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["broken", "without_request"]
    assert found(marks, *answers) == []
    assert found(marks, written.getvalue()) == []
    assert found(marks, *stored()) == []


def found(marks: Canaries, *texts: str) -> list[str]:
    lines = [text.upper() for text in texts]
    whole = "\n".join(lines)
    return [
        f"{place}: {next(line for line in lines if mark in line)[:300]}"
        for mark, place in marks.places.items()
        if mark in whole
    ]


def stored() -> Iterator[str]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield from (f"{table} {row[0]}" for row in cursor.fetchall())
