import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client, document, event, make_organisation

NDJSON = "application/x-ndjson"


def now() -> str:
    return timezone.now().isoformat()


def fresh(**changes: Any) -> dict[str, Any]:
    return document(**{"occurred_at": now(), **changes})


def post(http: APIClient, body: Any, content_type: str = "application/json") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.generic("POST", "/api/v1/usage", data, content_type)


@pytest.fixture
def http(acme: Scope, client_of: Client) -> APIClient:
    return client_of(acme)


def test_array_object_and_lines(http: APIClient) -> None:
    lines = b"\n".join([json.dumps(fresh()).encode(), b"", json.dumps(fresh()).encode(), b""])
    answers = [post(http, [fresh(), fresh()]), post(http, fresh()), post(http, lines, NDJSON)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"accepted": accepted, "duplicate": 0, "rejected": []}) for accepted in (2, 1, 2)
    ]


def test_a_repeated_post_counts_once(http: APIClient) -> None:
    batch = [fresh(), fresh()]
    assert [post(http, batch).json()["duplicate"] for _ in range(3)] == [0, 2, 2]
    assert UsageRecord.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        pytest.param(b'[{"id": "1",', "application/json", 400, "malformed_json", id="half a document"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "application/json", 400, "json_too_deep", id="10,000 arrays deep"),
        pytest.param(
            b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "application/json", 400, "json_too_deep", id="objects deep"
        ),
        pytest.param(b"\xff\xfe", "application/json", 400, "unicode_invalid", id="not UTF-8"),
        pytest.param(b" ", "application/json", 400, "body_empty", id="empty"),
        pytest.param(b"", NDJSON, 400, "body_empty", id="no lines"),
        pytest.param(b'"text"', "application/json", 400, "malformed_json", id="a text"),
        pytest.param(
            b"[" + b"9" * 5000 + b"]", "application/json", 400, "malformed_json", id="a number of 5,000 digits"
        ),
        pytest.param(b"a,b", "text/csv", 415, "unsupported_media_type", id="another media type"),
        pytest.param(b"[" + b"{}," * 10_000 + b"{}]", "application/json", 413, "batch_too_large", id="10,001 records"),
    ],
)
def test_an_unreadable_body_is_refused_whole(
    http: APIClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = post(http, body, content_type)
    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (
        status,
        code,
        "application/problem+json",
    )
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.count()) == (0, 0)


def test_a_body_that_claims_too_much_is_not_read(http: APIClient) -> None:
    answer = http.generic("POST", "/api/v1/usage", b"[", "application/json", CONTENT_LENGTH="209715200")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"tokens": {"input": 10**30}}, "out_of_range", "tokens.input"),
        ({"tokens": {"input": -1}}, "out_of_range", "tokens.input"),
        ({"tokens": {"input": 1.5}}, "invalid_value", "tokens.input"),
        ({"tokens": {"input": 1, "cached_input": 2}}, "tokens_inconsistent", "tokens"),
        ({"tokens": {"output": 1, "reasoning": 2}}, "tokens_inconsistent", "tokens"),
        ({"id": "a\0b"}, "invalid_text", "id"),
        ({"model": "\ud800"}, "invalid_text", ""),
        ({"model": ""}, "empty", "model"),
        ({"model": "x" * 129}, "too_long", "model"),
        ({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_too_early", "occurred_at"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_in_future", "occurred_at"),
        ({"occurred_at": "2026-11-24T12:00:00"}, "time_without_zone", "occurred_at"),
        ({"occurred_at": "yesterday"}, "invalid_time", "occurred_at"),
        ({"prompt": "the secret"}, "unknown_field", "prompt"),
        ({"a whole sentence": 1}, "unknown_field", "?"),
        ({"scope": "acme/ads"}, "scope_unknown", "scope"),
        ({"scope": "acme/none"}, "scope_unknown", "scope"),
        ({"cost": -2000000000}, "out_of_range", "cost"),
        ({"cost": "NaN"}, "out_of_range", "cost"),
        ({"requests": 0}, "out_of_range", "requests"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
def test_a_bad_record_is_refused_alone(
    search: Scope, client_of: Client, changes: dict[str, Any], code: str, field: str, content_type: str
) -> None:
    records = [fresh(), fresh(**changes), fresh()]
    body = json.dumps(records) if content_type == "application/json" else "\n".join(json.dumps(one) for one in records)
    answer = post(client_of(search), body.encode(), content_type).json()
    assert (answer["accepted"], [(one["index"], one["code"], one["field"]) for one in answer["rejected"]]) == (
        2, [(1, code, field)],
    )  # fmt: skip
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.get().code) == (2, code)
    assert "the secret" not in str(QuarantinedUsage.objects.values())


@pytest.mark.parametrize(
    ("changes", "stored"),
    [
        ({"service_tier": "express"}, {"service_tier": "express", "cost": None, "mended": ""}),
        (
            {"attributes": {str(n): "" for n in range(33)}},
            {"attributes": {str(n): "" for n in range(32)}, "mended": "attributes: 1 left out"},
        ),
        ({"attributes": {"a": {"deep": 1}}}, {"attributes": {}, "mended": "attributes"}),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
def test_what_neither_identifies_nor_prices_a_record_does_not_cost_it(
    search: Scope, client_of: Client, changes: dict[str, Any], stored: dict[str, Any], content_type: str
) -> None:
    answer = post(client_of(search), json.dumps(fresh(**changes)).encode(), content_type).json()
    assert (answer["accepted"], answer["rejected"]) == (1, [])
    assert UsageRecord.objects.values(*stored).get() == stored


def test_a_line_that_is_no_json_leaves_digest_and_length_only(http: APIClient) -> None:
    answer = post(http, json.dumps(fresh()).encode() + b'\n{"prompt": "the secret', NDJSON).json()
    assert (answer["accepted"], [(one["index"], one["code"]) for one in answer["rejected"]]) == (
        1,
        [(1, "malformed_json")],
    )
    kept = QuarantinedUsage.objects.get()
    assert (kept.payload, kept.size_bytes, len(kept.digest)) == (None, 22, 64)


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("usage:read", "POST", "/api/v1/usage"),
        ("usage:read", "POST", "/api/v1/usage/litellm"),
        ("usage:write", "GET", "/api/v1/usage"),
        ("usage:write", "GET", "/api/v1/usage/summary"),
        ("usage:write", "GET", "/api/v1/quarantine"),
    ],
)
def test_a_key_needs_the_permission(acme: Scope, client_of: Client, permission: str, method: str, path: str) -> None:
    answer = client_of(acme, permission).generic(method, path, b"[]", "application/json")
    assert answer.status_code == 403
    assert APIClient().generic(method, path, b"[]", "application/json").status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_records_are_read_with_a_fixed_number_of_queries(
    http: APIClient, acme: Scope, count: int, django_assert_num_queries: Any
) -> None:
    record_usage(events=[event(model=("gpt-4o", "gpt-mock")[n % 2]) for n in range(count)], key_scope_id=acme.pk, at=AT)
    http.get("/api/v1/usage")
    with CaptureQueriesContext(connection) as queries:
        answer = http.get("/api/v1/usage").json()
    assert (len(answer["results"]), len([q for q in queries if "allocation_" in q["sql"]])) == (count, 1)


def test_records_are_filtered_and_kept_from_others(acme: Scope, search: Scope, client_of: Client) -> None:
    globex = make_organisation("globex")
    record_usage(
        events=[event(id="1"), event(id="2", model="gpt-mock"), event(id="3", scope="acme/ads", status="error")],
        key_scope_id=acme.pk,
        at=AT,
    )
    record_usage(events=[event(id="4", scope="globex")], key_scope_id=globex.pk, at=AT)

    def seen(http: APIClient, **asked: str) -> list[str]:
        return sorted(row["event_id"] for row in http.get("/api/v1/usage", asked).json()["results"])

    whole, part = client_of(acme), client_of(search)
    assert (seen(whole), seen(part)) == (["1", "2", "3"], ["1", "2"])
    assert seen(whole, unpriced="true") == ["2"]
    assert seen(whole, status="error") == ["3"]
    assert seen(whole, scope="acme/ads") == ["3"]
    assert seen(whole, until="2026-11-24T12:00:00Z") == []
    assert part.get("/api/v1/usage", {"scope": "acme/ads"}).json()["code"] == "scope_unknown"
    record = whole.get("/api/v1/usage", {"model": "gpt-4o"}).json()["results"]
    assert sorted((row["scope"], row["cost"], row["unpriced"], row["status"]) for row in record) == [
        ("acme/ads", None, False, "error"), ("acme/search", "0.003500000", False, "success"),
    ]  # fmt: skip


def test_summary(http: APIClient, acme: Scope) -> None:
    record_usage(
        events=[event(), event(), event(model="gpt-mock"), event(scope="acme/ads", model="gpt-mock")],
        key_scope_id=acme.pk,
        at=AT,
    )

    def rows(**asked: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = http.get(
            "/api/v1/usage/summary", {"from": "2026-11-01", "to": "2026-12-01", **asked}
        ).json()["rows"]
        return found

    assert [(row["model"], row["requests"], row["unpriced_requests"], row["cost"]) for row in rows()] == [
        ("gpt-4o", 2, 0, "0.007000000"), ("gpt-mock", 2, 2, "0.000000000"),
    ]  # fmt: skip
    assert [(row["scope"], row["requests"]) for row in rows(group_by="scope")] == [("acme/ads", 1), ("acme/search", 3)]
    assert [(row["day"], row["requests"]) for row in rows(group_by="day", scope="acme/ads")] == [("2026-11-24", 1)]


def test_quarantine_is_shown_to_those_above_the_sender(acme: Scope, search: Scope, client_of: Client) -> None:
    post(client_of(search), [fresh(scope="acme/none")])
    ads = Scope.objects.get(path="acme/ads")
    shown = [client_of(scope).get("/api/v1/quarantine").json()["results"] for scope in (acme, search, ads)]
    assert [[row["code"] for row in rows] for rows in shown] == [["scope_unknown"], ["scope_unknown"], []]


def test_a_batch_refused_whole_is_no_success(http: APIClient) -> None:
    answer = post(http, [fresh(scope="acme/nowhere"), fresh(scope="acme/nowhere")])
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    body = answer.json()
    assert (body["code"], body["accepted"], body["duplicate"]) == ("nothing_accepted", 0, 0)
    assert [(one["index"], one["code"]) for one in body["rejected"]] == [(0, "scope_unknown"), (1, "scope_unknown")]
    assert QuarantinedUsage.objects.count() == 2


def test_the_same_batch_again_is_a_success(http: APIClient, search: Scope) -> None:
    sent = [fresh(scope=search.path)]
    counted = [(answer.status_code, answer.json()) for answer in (post(http, sent), post(http, sent))]
    assert counted == [
        (200, {"accepted": 1, "duplicate": 0, "rejected": []}),
        (200, {"accepted": 0, "duplicate": 1, "rejected": []}),
    ]
