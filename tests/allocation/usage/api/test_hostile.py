import base64
import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.usage.sent_bodies import MEGABYTE, NOW, counts, fresh, one, post


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "litellm_call_id": "call", "startTime": NOW.timestamp(), "model": "gpt-4o", "custom_llm_provider": "openai",
        "status": "success", "prompt_tokens": 10, "completion_tokens": 1,
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "kept", "mended"),
    [
        ({"a": 1}, "unknown", "service_tier"),
        ([1], "unknown", "service_tier"),
        (7, "7", ""),
        ("hyper\tspeed", "hyper speed~a0579024654a1abb5448e887", "service_tier"),
    ],
)
def test_an_odd_service_tier_costs_no_call_and_has_no_price(
    sender: APIClient, tier: Any, kept: str, mended: str
) -> None:
    body = json.dumps([payload(model_parameters={"service_tier": tier}), payload(litellm_call_id="other")])
    assert counts(post(sender, body.encode(), path="usage/litellm")) == (2, 0, [])
    stored = UsageRecord.objects.values_list("event_id", "service_tier", "mended", "cost")
    assert set(stored) == {("call", kept, mended, None), ("other", "standard", "", Decimal("0.000035"))}


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(sender: APIClient, kind: str) -> None:
    answer = post(sender, fresh(), kind=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_packed_body_is_unpacked(sender: APIClient, encoding: str) -> None:
    halves = gzip.compress(fresh() + b"\n") + gzip.compress(fresh())
    answer = post(sender, halves, kind="application/x-ndjson", **{"Content-Encoding": encoding})
    assert counts(answer) == (2, 0, [])


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        pytest.param(gzip.compress(b"[" + b" " * 50 * MEGABYTE + b"]"), "gzip", 413, "body_too_large", id="a bomb"),
        pytest.param(gzip.compress(b"[]")[:-4], "gzip", 400, "malformed_gzip", id="cut off"),
        pytest.param(b"[]", "gzip", 400, "malformed_gzip", id="no gzip inside"),
        pytest.param(gzip.compress(b"[]") + b"rest", "gzip", 400, "malformed_gzip", id="something behind it"),
        pytest.param(b"[]", "br", 415, "unsupported_content_encoding", id="brotli"),
        pytest.param(
            gzip.compress(gzip.compress(b"[]")), "gzip, gzip", 415, "unsupported_content_encoding", id="twice"
        ),
    ],
)
def test_a_packed_body_that_cannot_be_read_is_refused(
    sender: APIClient, body: bytes, encoding: str, status: int, code: str
) -> None:
    answer = post(sender, body, **{"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("control", ["\t", "\n", "\r", "\0", "\x7f"])
def test_a_control_character_is_refused_in_a_name_and_replaced_in_a_session(sender: APIClient, control: str) -> None:
    assert counts(post(sender, fresh(model=f"a{control}b"))) == (0, 0, [(0, "invalid_text")])
    assert counts(post(sender, fresh(session_id=f"a{control}b"))) == (1, 0, [])
    session, mended = UsageRecord.objects.values_list("session_id", "mended").get()
    assert (session[:4], len(session), mended) == ("a b~", 28, "session_id")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("usage", "since=yesterday", "since"),
        ("usage", "until=2026-13-01", "until"),
        ("usage", "status=" + "x" * 65, "status"),
        ("usage", "mended=perhaps", "mended"),
        ("usage", "unpriced=perhaps", "unpriced"),
        ("usage", "model=a%00b", "model"),
        ("usage", "scop=acme/search", "scop"),
        ("usage", "cursor=nonsense", "cursor"),
        ("usage", "cursor=" + base64.b64encode(b"p=yesterday").decode(), "cursor"),
        ("usage", "cursor=" + base64.b64encode(b"p=2026-01-01%00").decode(), "cursor"),
        ("usage/summary", "from=2026-02-30", "from"),
        ("usage/summary", "group_by=colour", "group_by"),
        ("usage/summary", "form=2026-02-01", "form"),
        ("quarantine", "replayed=perhaps", "replayed"),
        ("quarantine", "reason=x", "reason"),
        ("scopes", "cursor=" + base64.b64encode(b"p=a%00b").decode(), "cursor"),
    ],
)
def test_a_bad_parameter_is_named(acme: Scope, client_of: Client, path: str, query: str, field: str) -> None:
    answer = client_of(acme, "usage:read", "scopes:read").get(f"/api/v1/{path}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_more_records_of_one_instant_than_a_cursor_counts_by_default_are_all_listed(sender: APIClient) -> None:
    post(sender, json.dumps([one() for _ in range(1200)]).encode())
    answer = sender.get("/api/v1/usage?limit=500").json()
    seen = [row["event_id"] for row in answer["results"]]
    while answer["next"] and len(seen) < 3000:
        answer = sender.get(answer["next"]).json()
        seen += [row["event_id"] for row in answer["results"]]
    assert len(seen) == len(set(seen)) == 1200
