import base64
import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from governance.errors import DomainError, Invalid
from governance.organisations.operations import create_api_key, create_scope, revoke_api_key
from governance.rest.api import actor, idempotent, parse_json, read_body, requires
from governance.scopes.models import Scope
from governance.work.models import Heartbeat, IdempotencyRecord
from tests.governance.conftest import AT, SYSTEM, Person


def bearer(scope: Scope, *permissions: str) -> dict[str, str]:
    _, plaintext = create_api_key(
        scope=scope, permissions=permissions or ["scopes:read"], actor=SYSTEM, at=timezone.now()
    )
    return {"HTTP_AUTHORIZATION": f"Bearer {plaintext}"}


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) >= {"type", "title", "status", "code", "detail", "instance"}
    assert body["status"] == response.status_code
    return response.status_code, body["code"]


def test_scopes_are_listed_from_the_keys_own_down(client: Client, search: Scope, ranker: Scope, globex: Scope) -> None:
    answer = client.get("/api/v1/scopes", **bearer(search))  # type: ignore[arg-type]
    assert answer.status_code == 200
    assert [scope["path"] for scope in answer.json()["results"]] == ["acme/search", "acme/search/ranker"]
    assert answer.json()["results"][1] == {
        "path": "acme/search/ranker", "name": "", "kind": "workload", "practice": "finops_for_ai", "environment": "",
        "criticality": "standard", "labels": {}, "currency": "", "parent": "acme/search", "is_unattributed": False,
        "fiscal_year_starts": 1,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
def test_listing_scopes_takes_the_same_queries_for_one_and_for_three(
    client: Client, acme: Scope, django_assert_num_queries: Any, count: int
) -> None:
    team = create_scope(slug="t", kind="team", parent=acme, actor=SYSTEM, at=AT)
    for number in range(count - 1):
        create_scope(slug=f"w{number}", kind="workload", parent=team, actor=SYSTEM, at=AT)
    headers = bearer(team)
    client.get("/api/v1/scopes", **headers)  # type: ignore[arg-type]
    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/scopes", **headers).json()["results"]) == count  # type: ignore[arg-type]


def test_pages_follow_each_other(client: Client, acme: Scope, search: Scope, ranker: Scope) -> None:
    headers: Any = bearer(acme)
    seen, url = [], "/api/v1/scopes?limit=2"
    while url:
        page = client.get(url, **headers).json()
        seen += [scope["path"] for scope in page["results"]]
        url = page["next"]
    assert seen == ["acme", "acme/search", "acme/search/ranker", "acme/unattributed"]


def test_one_scope_is_found_by_its_path_and_a_foreign_one_is_not_there(
    client: Client, search: Scope, ranker: Scope
) -> None:
    headers: Any = bearer(search)
    assert client.get("/api/v1/scopes/acme/search/ranker", **headers).json()["kind"] == "workload"
    assert problem(client.get("/api/v1/scopes/acme", **headers)) == (404, "not_found")
    assert problem(client.get("/api/v1/scopes/acme/unattributed", **headers)) == (404, "not_found")


def test_who_is_let_in(client: Client, search: Scope, person: Person) -> None:
    assert problem(client.get("/api/v1/scopes")) == (401, "not_authenticated")
    assert client.get("/api/v1/scopes").headers["WWW-Authenticate"] == 'Bearer realm="weir"'
    for nonsense in ("Bearer weir_0000000000_nonsense", "Bearer ", "Bearer \xff", "bearer weir_"):
        assert problem(client.get("/api/v1/scopes", HTTP_AUTHORIZATION=nonsense)) == (401, "key_invalid")
    assert problem(client.get("/api/v1/scopes", **bearer(search, "usage:write"))) == (403, "permission_missing")  # type: ignore[arg-type]
    assert client.get("/api/v1/scopes", **bearer(search, "admin")).status_code == 200  # type: ignore[arg-type]
    client.force_login(person("ada@example.com", search), backend="django.contrib.auth.backends.ModelBackend")
    assert [scope["path"] for scope in client.get("/api/v1/scopes").json()["results"]] == ["acme/search"]


def test_a_key_is_no_password_but_where_telemetry_comes_in(client: Client, search: Scope) -> None:
    """Senders of telemetry that know only Basic authentication give the key as the password, whatever the name."""
    headers = bearer(search, "usage:write")
    plaintext = headers["HTTP_AUTHORIZATION"].removeprefix("Bearer ")

    def ask(stated: str) -> Any:
        basic = f"Basic {base64.b64encode(stated.encode()).decode()}"
        return client.post("/api/v1/otlp/v1/traces", b"{}", "application/json", HTTP_AUTHORIZATION=basic)

    assert (ask(f"pk-lf-1:{plaintext}").status_code, ask(f":{plaintext}").status_code) == (200, 200)
    for nonsense in (f"{plaintext}:", plaintext, f"pk:{plaintext}x", "pk:sk:more", ""):
        assert problem(ask(nonsense)) == (401, "key_invalid")
    broken = client.post("/api/v1/otlp/v1/traces", b"{}", "application/json", HTTP_AUTHORIZATION="Basic \xff~")
    assert problem(broken) == (401, "key_invalid")
    basic = f"Basic {base64.b64encode(f'pk:{plaintext}'.encode()).decode()}"
    assert problem(client.get("/api/v1/scopes", HTTP_AUTHORIZATION=basic)) == (401, "not_authenticated")


def test_a_revoked_key_is_out_at_once(client: Client, search: Scope) -> None:
    key, plaintext = create_api_key(scope=search, permissions=["scopes:read"], actor=SYSTEM, at=timezone.now())
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {plaintext}"}
    assert client.get("/api/v1/scopes", **headers).status_code == 200
    revoke_api_key(key_id=key.pk, actor=SYSTEM, at=timezone.now())
    assert problem(client.get("/api/v1/scopes", **headers)) == (401, "key_invalid")


def test_scopes_cannot_be_written(client: Client, search: Scope) -> None:
    headers: Any = bearer(search, "admin")
    assert problem(client.post("/api/v1/scopes", "{}", "application/json", **headers)) == (405, "method_not_allowed")
    assert problem(client.delete("/api/v1/scopes/acme/search", **headers)) == (405, "method_not_allowed")


class Amount(serializers.Serializer[Any]):
    amount = serializers.IntegerField(min_value=1)


class Command(APIView):
    """A command as the apps write them, whose effect is a heartbeat."""

    permission_classes = (requires("budgets:write"),)

    @idempotent
    def post(self, request: Request) -> Response:
        body = Amount(data=request.data)
        body.is_valid(raise_exception=True)
        Heartbeat.objects.create(name=f"{actor(request).label} {timezone.now().isoformat()}", beat_at=timezone.now())
        match int(body.validated_data["amount"]):
            case 402:
                raise DomainError("The money is gone.", code="budget_exhausted", status=409, remaining="0.00")
            case 500:
                raise RuntimeError("a secret in a message")
            case 503:
                raise OperationalError("host=10.0.0.1 refused")
            case _:
                pass
        return Response({"effects": Heartbeat.objects.count()}, status=201)


def post(headers: dict[str, str], body: Any = None, key: str = "", **more: str) -> Any:
    sent = {**headers, **({"HTTP_IDEMPOTENCY_KEY": key} if key else {}), **more}
    content = body if isinstance(body, bytes | str) else json.dumps(body if body is not None else {"amount": 1})
    request = APIRequestFactory().post("/api/v1/commands", content, content_type="application/json", **sent)
    response = Command.as_view()(request)
    response.render()
    return response


def test_a_command_repeated_with_its_key_happens_once(search: Scope) -> None:
    headers = bearer(search, "budgets:write")
    first, again = post(headers, key="k1"), post(headers, key="k1")
    assert (first.status_code, first.data) == (again.status_code, again.data) == (201, {"effects": 1})
    assert (again.headers["Idempotency-Replayed"], Heartbeat.objects.count()) == ("true", 1)
    assert post(headers, key="k2").data == {"effects": 2}
    assert post(headers).data == {"effects": 3}


def test_a_key_used_for_something_else_is_refused(search: Scope) -> None:
    headers = bearer(search, "budgets:write")
    post(headers, key="k1")
    assert problem(post(headers, {"amount": 2}, key="k1")) == (422, "idempotency_key_reused")
    assert problem(post(headers, key="x" * 256)) == (422, "idempotency_key_invalid")
    assert Heartbeat.objects.count() == 1


def test_callers_do_not_share_keys(search: Scope, globex: Scope) -> None:
    post(bearer(search, "budgets:write"), key="k1")
    assert post(bearer(globex, "budgets:write"), key="k1").data == {"effects": 2}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"amount": 402}, (409, "budget_exhausted")),
        ({"amount": 500}, (500, "internal_error")),
        ({"amount": 503}, (503, "database_unavailable")),
        ({"amount": 0}, (400, "validation_failed")),
        ({}, (400, "validation_failed")),
        ([], (400, "validation_failed")),
    ],
)
def test_a_refused_command_leaves_nothing_and_may_come_again(search: Scope, body: Any, answer: tuple[int, str]) -> None:
    headers = bearer(search, "budgets:write")
    for _ in range(2):
        response = post(headers, body, key="k1")
        assert problem(response) == answer
        assert b"secret" not in response.content
        assert b"10.0.0.1" not in response.content
    assert not Heartbeat.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_field_errors_name_the_field(search: Scope) -> None:
    response = post(bearer(search, "budgets:write"), {"amount": "many"})
    assert response.data["errors"] == [{"field": "amount", "code": "invalid", "detail": "A valid integer is required."}]


def test_extra_facts_stand_beside_the_sentence_and_never_replace_it(search: Scope) -> None:
    response = post(bearer(search, "budgets:write"), {"amount": 402})
    assert response.data == {
        "type": "about:blank", "title": "Conflict", "status": 409, "code": "budget_exhausted",
        "detail": "The money is gone.", "instance": "/api/v1/commands", "remaining": "0.00",
    }  # fmt: skip


BAD_BODIES = [
    (b"", (400, "body_empty")),
    (b"{", (400, "malformed_json")),
    (b'{"a": NaN}', (400, "malformed_json")),
    (b"\xff\xfe", (400, "unicode_invalid")),
    (b'{"a": 1} x', (400, "malformed_json")),
    (b"[" * 10_000 + b"]" * 10_000, (400, "json_too_deep")),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, (400, "json_too_deep")),
    (b"[" * 65 + b"]" * 65, (400, "json_too_deep")),
    (b'{"amount": 1' + b"0" * 30 + b"}", (422, "number_out_of_range")),
    (b'{"amount": -1' + b"0" * 30 + b"}", (422, "number_out_of_range")),
    (b'{"amount": "\\u0000"}', (422, "nul_character")),
    (b'{"a\\u0000": 1}', (422, "nul_character")),
    (b'{"amount": "\\ud800"}', (400, "unicode_invalid")),
    (b'{"amount": "\\udc00\\ud800"}', (400, "unicode_invalid")),
    (b" " * (1024 * 1024 + 1), (413, "body_too_large")),
]


@pytest.mark.parametrize(("body", "answer"), BAD_BODIES)
def test_a_bad_body_is_a_clear_error(search: Scope, body: bytes, answer: tuple[int, str]) -> None:
    headers = bearer(search, "budgets:write")
    if body:
        assert problem(post(headers, body)) == answer
    else:
        with pytest.raises(DomainError) as refused:
            parse_json(body)
        assert (refused.value.status, refused.value.code) == answer
    assert not Heartbeat.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 64 + b"]" * 64,
        b'{"a": "' + b"[" * 1000 + b'"}',
        b'{"a": "[\\"[[", "b": [{}]}',
        b'{"a": "\\\\u0000"}',
        b'{"a": "' + b"9" * 40 + b'"}',
        b'{"a": 0.' + b"1" * 40 + b"}",
        b'{"a": 999999999999999999}',
        b'{"a": "\\ud83d\\ude00"}',
    ],
)
def test_a_body_that_only_looks_bad_is_read(body: bytes) -> None:
    assert parse_json(body) == json.loads(body)


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d89 1e-.', max_size=120).map(str.encode))
def test_no_bytes_at_all_break_the_reader(body: bytes) -> None:
    try:
        value = parse_json(body)
    except DomainError as refused:
        status: Any = refused.status
    else:
        assert value == json.loads(body)
        status = 400
    assert status in {400, 422}


def test_a_claimed_length_is_believed_before_a_byte_is_read() -> None:
    request = RequestFactory().post("/", b"x", content_type="application/json", CONTENT_LENGTH=str(200 * 1024 * 1024))
    with pytest.raises(DomainError, match="larger than"):
        read_body(request, 1024)


def test_a_body_without_a_length_is_read_no_further_than_allowed() -> None:
    request = RequestFactory().post("/", b"x" * 2000, content_type="application/json")
    request.META["CONTENT_LENGTH"] = ""
    with pytest.raises(DomainError, match="larger than"):
        read_body(request, 1024)
    assert read_body(RequestFactory().post("/", b"x" * 1024, content_type="application/json"), 1024) == b"x" * 1024


def test_a_permission_that_does_not_exist_cannot_be_required() -> None:
    with pytest.raises(ValueError, match="everything"):
        requires("everything")


def test_nobody_acts_without_having_been_let_in() -> None:
    request = Request(RequestFactory().get("/"))
    with pytest.raises(exceptions.NotAuthenticated):
        actor(request)


def test_a_domain_error_says_what_its_class_says_unless_told_otherwise() -> None:
    assert (Invalid("x").status, Invalid("x").code) == (422, "invalid")
    assert (Invalid("x", code="y", status=409).status, Invalid("x", code="y").code) == (409, "y")
