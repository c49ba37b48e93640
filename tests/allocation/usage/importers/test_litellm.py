import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.litellm import native
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SHARED, Client, needs_shared_data
from tests.database_owner import as_owner

PROMPT = "a prompt that only its author may read"


def payload(**changes: Any) -> dict[str, Any]:
    """The shape LiteLLM 1.106 posts, shortened to what is read plus what must not be."""
    return {
        "id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "trace_id": "trace-1",
        "session_id": "session-1",
        "call_type": "acompletion",
        "cache_hit": None,
        "status": "success",
        "custom_llm_provider": "openai",
        "startTime": 1795482585.072815,
        "endTime": 1795482585.5,
        "response_time": 0.427,
        "model": "openai/gpt-4o",
        "response_cost": 0.01,
        "request_tags": ["env:prod", "beta", "User-Agent: curl"],
        "end_user": "ada@example.com",
        "metadata": {
            "user_api_key_team_alias": "search",
            "user_api_key_alias": "ci",
            "user_api_key_user_email": "ada@example.com",
            "usage_object": {
                "prompt_tokens": 1000,
                "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 400},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
        },
        "messages": [{"role": "user", "content": PROMPT}],
        "response": {"choices": [{"message": {"content": PROMPT}}]},
        "error_str": PROMPT,
        "model_parameters": {"tools": [PROMPT]},
    } | changes


def test_only_named_fields_are_read() -> None:
    event = native(payload(), price="catalogue")
    end_user = event["attributes"].pop("end_user")
    assert event == {
        "id": "call-1/chatcmpl-1",
        "identity": "id",
        "other_ids": ["call-1/1795482585500", "chatcmpl-1"],
        "source": "litellm",
        "occurred_at": "2026-11-24T01:09:45.072815+00:00",
        "provider": "openai",
        "model": "gpt-4o",
        "operation": "chat",
        "service_tier": "standard",
        "tokens": {"input": 1000, "cached_input": 400, "cache_write": 0, "output": 100, "reasoning": 20},
        "status": "success",
        "attributes": {"team": "search", "key_alias": "ci", "tag.env": "prod", "tag.beta": "true"},
        "task_id": "trace-1",
        "session_id": "session-1",
        "latency_ms": 427,
        "claimed_cost": {"amount": "0.01", "currency": "USD"},
    }
    assert len(end_user) == 24
    assert "ada" not in end_user


USAGE: dict[str, Any] = payload()["metadata"]["usage_object"]


@pytest.mark.parametrize(
    ("changes", "field", "wanted"),
    [
        pytest.param({"response_cost": 0.0}, "cost", None, id="zero for used tokens is no price"),
        pytest.param({"response_cost": 1e-05}, "cost", "1e-05", id="a small cost"),
        pytest.param({"status": "failure"}, "cost", None, id="a failure was not billed"),
        pytest.param({"cache_hit": True}, "cached_response", True, id="answered from the proxy's cache"),
        pytest.param(
            {"custom_llm_provider": None, "model": "azure/our"}, "model", "our", id="provider in the model's name"
        ),
        pytest.param(
            {"custom_llm_provider": "azure", "model": "gpt-4o"}, "model", "gpt-4o", id="no prefix to take off"
        ),
        pytest.param(
            {"startTime": "2026-11-24 01:00:00"}, "occurred_at", "2026-11-24T01:00:00+00:00", id="a text time"
        ),
        pytest.param({"model_parameters": {"service_tier": "flex"}}, "service_tier", "flex", id="service tier"),
        pytest.param(
            {"metadata": {"usage_object": {"prompt_tokens": 10, "cache_read_input_tokens": 90}}},
            "tokens",
            {"input": 100, "cached_input": 90, "cache_write": 0, "output": 0, "reasoning": 0},
            id="cached tokens counted beside the input",
        ),
    ],
)
def test_ways_of_saying_it(changes: dict[str, Any], field: str, wanted: object) -> None:
    assert native(payload(**changes), price="billed").get(field) == wanted


LEFT = {"error_information": {"error_code": "499", "error_message": PROMPT}}


@pytest.mark.parametrize(
    ("changes", "estimated", "claimed"),
    [
        pytest.param({}, None, "0.01", id="a call that went to its end"),
        pytest.param(LEFT, True, "0.01", id="the client left, and the proxy reckons"),
        pytest.param({**LEFT, "status": "failure"}, None, None, id="the client left before any answer"),
        pytest.param({"error_information": {"error_code": 500}}, None, "0.01", id="another mishap"),
        pytest.param({"error_information": PROMPT}, None, "0.01", id="no information"),
        pytest.param({"cache_hit": True}, None, None, id="the proxy's own cache costs nothing"),
    ],
)
def test_a_cut_streams_estimate_is_marked_and_a_claim_is_kept(
    changes: dict[str, Any], estimated: bool | None, claimed: str | None
) -> None:
    event = native(payload(**changes), price="catalogue")

    assert (event.get("estimated"), event.get("claimed_cost", {}).get("amount"), event.get("cost")) == (
        estimated, claimed, None,
    )  # fmt: skip


def everything_stored() -> str:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(table_name) FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t")
            texts.append(cursor.fetchone()[0])
    return "\n".join(texts)


def post(http: APIClient, body: object, **asked: str) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return http.generic("POST", f"/api/v1/usage/litellm?{query}", json.dumps(body), "application/json")


@needs_shared_data
@pytest.mark.parametrize("price", ["billed", "catalogue"])
def test_the_captured_batches_posted_twice(
    acme: Scope, client_of: Client, price: str, caplog: pytest.LogCaptureFixture
) -> None:
    http = client_of(acme)
    captures = [
        json.loads((SHARED / f"litellm/logging_payload_{name}.json").read_text()) for name in ("small", "batch")
    ]
    texts = {"ok ok ok", PROMPT, "denied by governance policy", "redacted-by-litellm", "Traceback"}
    for capture in captures:
        for one in capture:
            one["messages"].append({"role": "user", "content": PROMPT})
    with caplog.at_level(logging.DEBUG):
        answers = [post(http, capture, price=price).json() for _ in range(2) for capture in captures]
    assert [(one["accepted"], one["duplicate"], one["rejected"]) for one in answers] == [
        (4, 0, []), (47, 0, []), (0, 4, []), (0, 47, []),
    ]  # fmt: skip
    successes = [one for capture in captures for one in capture if one["status"] == "success"]
    claimed = sum((Decimal(str(one["response_cost"])) for one in successes), start=Decimal(0))
    records = list(UsageRecord.objects.all())
    assert [record.cost for record in records if record.status == "error"] == [None, None]
    good = [record for record in records if record.status == "success"]
    costs = [record.cost for record in good if record.cost is not None]
    assert (len(good), len(costs), sum(costs, start=Decimal(0))) == (
        (49, 49, claimed) if price == "billed" else (49, 0, Decimal(0))
    )
    stored = everything_stored()
    assert "gpt-mock" in stored
    assert [text for text in texts if text in stored or text in caplog.text] == []


def test_a_refused_payload_keeps_no_text(acme: Scope, client_of: Client) -> None:
    bad = [
        payload(model="x\0"),
        payload(startTime=PROMPT),
        PROMPT,
        payload(litellm_call_id="fine", messages="\ud83d"),
    ]
    answer = post(client_of(acme), bad).json()
    assert (answer["accepted"], [(one["index"], one["code"]) for one in answer["rejected"]]) == (
        1, [(0, "invalid_text"), (1, "invalid_time"), (2, "not_an_object")],
    )  # fmt: skip
    assert QuarantinedUsage.objects.count() == 3
    assert PROMPT not in everything_stored()


def test_whose_price_is_asked_must_be_known(acme: Scope, client_of: Client) -> None:
    refused = post(client_of(acme), [], price="mine")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "price")


@pytest.mark.parametrize(
    ("usage", "tokens", "quantities"),
    [
        pytest.param(
            {
                "prompt_tokens": 100, "completion_tokens": 50,
                "prompt_tokens_details": {
                    "cached_tokens": 30, "audio_tokens": 60, "cached_tokens_details": {"audio_tokens": 20},
                },
                "completion_tokens_details": {"audio_tokens": 40},
            },
            {"audio_input": 40, "cached_audio_input": 20, "audio_output": 40}, None,
            id="audio, and what came from a cache of it",
        ),
        pytest.param(
            {
                "prompt_tokens": 100, "cache_creation_input_tokens": 50,
                "prompt_tokens_details": {"cache_creation_token_details": {"ephemeral_1h_input_tokens": 20}},
            },
            {"cache_write_1h": 20}, None, id="written for an hour",
        ),
        pytest.param(
            {"prompt_tokens": 10, "prompt_tokens_details": {"audio_tokens": 8, "image_tokens": 8}},
            {"audio_input": 8, "image_input": 2}, None, id="no more parts than there is input",
        ),
        pytest.param(
            {"prompt_tokens": 10, "server_tool_use": {"web_search_requests": 3}}, {}, {"web_search": 3}, id="searches"
        ),
        pytest.param(
            {"prompt_tokens": 10, "prompt_tokens_details": {"audio_tokens": "8", "image_tokens": None}}, {}, None,
            id="what is no count",
        ),
    ],
)  # fmt: skip
def test_what_few_calls_have_is_read_too(
    usage: dict[str, Any], tokens: dict[str, int], quantities: dict[str, int] | None
) -> None:
    event = native({"metadata": {"usage_object": usage}}, price="catalogue")
    common = {"input", "cached_input", "cache_write", "output", "reasoning"}
    assert {name: count for name, count in event["tokens"].items() if name not in common} == tokens
    assert event.get("quantities") == quantities


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        pytest.param(
            {"usage": {"input_tokens": 70, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 20},
                       "output_tokens_details": {"reasoning_tokens": 4}}},
            {"input": 70, "cached_input": 20, "output": 9, "reasoning": 4}, id="responses",
        ),
        pytest.param(
            {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 70, "output_tokens": 9}},
            {"input": 70, "output": 9}, id="beside totals of 0",
        ),
        pytest.param(
            {"usage": {"input_tokens": 70, "output_tokens": 9, "input_token_details": {"audio_tokens": 70}}},
            {"input": 70, "output": 9, "audio_input": 70}, id="a transcription",
        ),
        pytest.param(
            {"usage": {"input_tokens": 70, "output_tokens": 9}, "call_type": "aimage_generation"},
            {"input": 70, "output": 9, "image_output": 9}, id="an image",
        ),
        pytest.param(
            {"usage": {"type": "tokens"}, "prompt_tokens": 70, "completion_tokens": 9},
            {"input": 70, "output": 9}, id="the payload's own totals",
        ),
    ],
)  # fmt: skip
def test_tokens_by_other_names(changes: dict[str, Any], wanted: dict[str, int]) -> None:
    stated = {name: value for name, value in changes.items() if name != "usage"}
    tokens = native(payload(metadata={"usage_object": changes["usage"]}, **stated), price="catalogue")["tokens"]

    assert {name: count for name, count in tokens.items() if count} == wanted


@needs_shared_data
def test_a_transcription_and_an_image_cost_what_they_are_listed_at(acme: Scope, client_of: Client) -> None:
    body = (SHARED / "cases/fail/07-litellm-usage-by-other-names/payloads.json").read_bytes()

    client_of(acme, "usage:write").generic("POST", "/api/v1/usage/litellm", body, "application/json")

    found = UsageRecord.objects.values_list("event_id", "cost")
    assert {call.partition("/")[0]: cost for call, cost in found} == {
        "transcribe": Decimal("0.007"), "image": Decimal("0.033907"),
    }  # fmt: skip
