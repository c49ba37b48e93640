"""What senders get wrong, or send on purpose: each a clear answer, in bounded time and memory."""

import base64
import gzip
import json
import tracemalloc
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from allocation.prices.engine.rates import to_nanos
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.importers.incoming import RECORD_BYTES_MAX
from allocation.usage.importers.litellm import read_payloads
from allocation.usage.importers.native import read_json, read_ndjson
from allocation.usage.models import UsageRecord
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, Client, document

MEGABYTE = 1024 * 1024
NOW = timezone.now() - timedelta(minutes=2)


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = MEGABYTE
    return client_of(acme)


def post(sender: APIClient, body: bytes, *, path: str = "usage", kind: str = "application/json", **headers: str) -> Any:
    return sender.generic("POST", f"/api/v1/{path}", body, kind, headers=headers)


def one(**changes: Any) -> dict[str, Any]:
    return document(**{"occurred_at": NOW.isoformat(), **changes})


def fresh(**changes: Any) -> bytes:
    return json.dumps(one(**changes)).encode()


def counts(answer: Any) -> tuple[int, int, list[tuple[int, str]]]:
    assert answer.status_code == 200, answer.content
    body = answer.json()
    return body["accepted"], body["duplicate"], [(row["index"], row["code"]) for row in body["rejected"]]


@pytest.mark.parametrize(
    ("reader", "body"),
    [
        pytest.param(read_json, b"[" + b"1," * 500_000 + b"1]", id="an array of numbers"),
        pytest.param(read_json, b"[" + b"{}," * 300_000 + b"{}]", id="an array of empty objects"),
        pytest.param(read_ndjson, b"1\n" * 500_000, id="lines of one character"),
        pytest.param(read_ndjson, b"\n" * MEGABYTE, id="empty lines only"),
        pytest.param(
            lambda body, records_max: read_payloads(body, records_max=records_max, price="billed"),
            b"[" + b"[]," * 300_000 + b"[]]",
            id="payloads that are lists",
        ),
    ],
)
def test_a_megabyte_of_nothing_takes_a_few_megabytes(reader: Any, body: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DomainError):
        reader(body, records_max=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_a_record_of_many_unknown_fields_is_refused_unread_beside_a_good_one(sender: APIClient, kind: str) -> None:
    record = b"{" + b",".join(b'"k%06d":1' % number for number in range(20_000)) + b"}"
    body = record + b"\n" + fresh() if kind.endswith("ndjson") else b"[" + record + b"," + fresh() + b"]"
    assert len(record) > RECORD_BYTES_MAX
    assert counts(post(sender, body, kind=kind)) == (1, 0, [(0, "record_too_large")])
    assert QuarantinedUsage.objects.get().payload is None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_number_json_cannot_hold_is_refused_alone(sender: APIClient, number: str) -> None:
    odd = fresh(latency_ms=7).replace(b'"latency_ms": 7', b'"latency_ms": ' + number.encode())
    accepted, _, rejected = counts(post(sender, b"[" + odd + b"," + fresh() + b"]"))
    assert (accepted, len(rejected)) == (1, 1)
    assert QuarantinedUsage.objects.get().payload["latency_ms"] == {"replaced": "number"}


@pytest.mark.parametrize("cost", ["1e-99999", "1e-999999999", "0e-999999"])
def test_a_cost_below_every_coin_is_nothing_at_once(sender: APIClient, cost: str) -> None:
    assert counts(post(sender, b"[" + b",".join(fresh(cost=cost) for _ in range(200)) + b"]")) == (200, 0, [])
    assert set(UsageRecord.objects.values_list("cost", "price_source")) == {(Decimal(0), "provider")}


def test_amounts_round_half_to_even() -> None:
    assert [to_nanos(Decimal(text)) for text in ("2.5e-9", "3.5e-9", "1e-99999", "999999999.9999999995")] == [
        2, 4, 0, 10**18,
    ]  # fmt: skip


def test_what_a_sender_claims_is_recorded_as_claimed(sender: APIClient) -> None:
    """A sender may say that a call cost nothing. The record says who said so: never the catalogue."""
    events = [
        one(id="billed", cost="0"),
        one(id="cached", cached_response=True),
        one(id="failed", status="error"),
        one(id="ours"),
    ]
    assert counts(post(sender, json.dumps(events).encode())) == (4, 0, [])
    assert dict(UsageRecord.objects.values_list("event_id", "price_source")) == {
        "billed": "provider",
        "cached": "response_cache",
        "failed": "none",
        "ours": "genai-prices",
    }


def payload(**changes: Any) -> dict[str, Any]:
    return {
        "litellm_call_id": "call", "startTime": NOW.timestamp(), "model": "gpt-4o", "custom_llm_provider": "openai",
        "status": "success", "prompt_tokens": 10, "completion_tokens": 1,
    } | changes  # fmt: skip


@pytest.mark.parametrize("tier", [{"a": 1}, [1], 7])
def test_an_odd_service_tier_of_one_call_holds_back_no_other(sender: APIClient, tier: Any) -> None:
    body = json.dumps([payload(model_parameters={"service_tier": tier}), payload(litellm_call_id="other")])
    accepted, _, rejected = counts(post(sender, body.encode(), path="usage/litellm"))
    assert (accepted, [index for index, _ in rejected]) == (1, [0])


@pytest.mark.parametrize("depth", range(500, 1001, 20))
def test_no_depth_of_nesting_breaks_the_reader(sender: APIClient, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    answers = [
        post(sender, f'[{{"id": {deep}}}]'.encode()),
        post(sender, f'{{"id": {deep}}}'.encode(), kind="application/x-ndjson"),
        post(sender, f'[{{"litellm_call_id": {deep}}}]'.encode(), path="usage/litellm"),
        post(sender, f"[{deep}]".encode(), path="usage/litellm"),
    ]
    assert {answer.status_code for answer in answers} <= {200, 400}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"\xef\xbb\xbf%s\n%s", "application/x-ndjson", id="a byte order mark before lines"),
        pytest.param(b"\xef\xbb\xbf[%s,%s]", "application/json", id="a byte order mark before an array"),
        pytest.param(b"%s\r\n\r\n  \r\n%s\r\n", "application/x-ndjson", id="CRLF and blank lines"),
        pytest.param(b" \r\n[ %s \n,\t%s ]\n ", "application/json; charset=utf-8", id="space, and a charset"),
        pytest.param(b"[%s,%s]", "", id="no content type"),
        pytest.param(b"%s\n%s", "Application/X-NDJSON", id="capitals"),
    ],
)
def test_every_usual_writing_of_two_records_is_two_records(sender: APIClient, body: bytes, kind: str) -> None:
    assert counts(post(sender, body % (fresh(), fresh()), kind=kind)) == (2, 0, [])


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(sender: APIClient, kind: str) -> None:
    answer = post(sender, fresh(), kind=kind)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body", [b"[1,]", b"[1 2]", b"[1", b"[", b"[]x", b"{}x", b"nul", b'{"a":1', b"[{}}", b"\xff", b"[,]"]
)
def test_what_is_not_json_is_refused_whole(sender: APIClient, body: bytes) -> None:
    answer = post(sender, fresh()[:0] + body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not UsageRecord.objects.exists()


def test_an_error_at_the_end_of_an_array_takes_nothing(sender: APIClient) -> None:
    assert post(sender, b"[" + fresh() + b"," + fresh() + b",").status_code == 400
    assert not UsageRecord.objects.exists()
    assert not QuarantinedUsage.objects.exists()


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


def test_a_text_that_cannot_be_kept_is_not_replayed_as_another(sender: APIClient) -> None:
    """Replayed as `call?`, the record would have an identity that its sender never gave it."""
    body = b"[%s,%s]" % (fresh(id="call\0"), fresh(attributes={"x" * 70: "1"}))
    assert counts(post(sender, body))[:2] == (0, 0)
    assert replay_quarantined(actor=SYSTEM, at=NOW).accepted == 0


TEXTS = [
    "back\\slash",
    "\\N",
    "\\.",
    "tab?",
    "line\u2028separator",
    "next\u0085line",
    '"quoted"',
    "{}",
    "🦀",
    "%s",
    "a,b",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_printable_text_is_stored_as_it_came(sender: APIClient, text: str) -> None:
    sent = one(
        id=text, source=text, provider=text, model=text, operation=text, task_id=text, session_id=text,
        attributes={"team": text, "b": "\\"},
    )  # fmt: skip
    assert counts(post(sender, json.dumps([sent]).encode())) == (1, 0, [])
    stored = UsageRecord.objects.get()
    names = ("event_id", "source", "provider", "model", "operation", "task_id", "session_id")
    assert {getattr(stored, name) for name in names} == {text}
    assert stored.attributes == {"team": text, "b": "\\"}


@pytest.mark.parametrize("control", ["\t", "\n", "\r", "\0", "\x7f"])
def test_a_control_character_is_refused(sender: APIClient, control: str) -> None:
    assert counts(post(sender, fresh(session_id=f"a{control}b"))) == (0, 0, [(0, "invalid_text")])


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("usage", "since=yesterday", "since"),
        ("usage", "until=2026-13-01", "until"),
        ("usage", "status=maybe", "status"),
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


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/usage/", "/api/v2/usage", "/api/nothing"])
def test_an_unknown_route_is_a_problem_too(acme: Scope, client_of: Client, path: str) -> None:
    for http in (APIClient(), client_of(acme)):
        for answer in (http.get(path), http.post(path, data="{}", content_type="application/json")):
            assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
            assert answer.json()["code"] == "route_unknown"


@pytest.mark.parametrize("path", ["alerts?scope=a%00b", "constraints?guardrail=a%00b"])
def test_a_parameter_the_database_cannot_hold_is_named(acme: Scope, client_of: Client, path: str) -> None:
    answer = client_of(acme, "admin").get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_a_name_the_database_cannot_hold_is_no_failure_of_ours(acme: Scope, client_of: Client) -> None:
    answer = client_of(acme, "admin").get("/api/v1/guardrails/a%00b")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
