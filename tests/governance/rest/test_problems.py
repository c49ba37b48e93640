"""A path below /api/ that has no route is a problem document, whatever is sent there."""

import pytest
from django.test import Client


@pytest.fixture
def caller() -> Client:
    """As a browser or a gateway, without a token against forged requests."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("application/x-protobuf", b"\x0a\x00"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b"\xff"),
    ],
)
def test_any_method_and_any_body(caller: Client, method: str, kind: str, body: bytes) -> None:
    answer = caller.generic(method, "/api/v1/usage/otel", body, kind)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank", "title": "Not found", "status": 404, "code": "route_unknown",
        "detail": "There is no route /api/v1/usage/otel.", "instance": "/api/v1/usage/otel",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/v1/usage/litellm/", "There is no route /api/v1/usage/litellm/. Write /api/v1/usage/litellm."),
        ("/api/v1/otlp/v1/traces/", "There is no route /api/v1/otlp/v1/traces/. Write /api/v1/otlp/v1/traces."),
        ("/api/schema", "There is no route /api/schema. Write /api/schema/."),
        ("/api/v1/price-books/7/", "There is no route /api/v1/price-books/7/. Write /api/v1/price-books/7."),
        ("/api/v1/nothing/", "There is no route /api/v1/nothing/."),
        ("/api", "There is no route /api."),
        ("/api/", "There is no route /api/."),
        ("/api/v1/a%0Ab", "There is no route /api/v1/a\nb."),
        ("/api/v2" + "/x" * 200, f"There is no route /api/v2{'/x' * 96}/."),
    ],
)
def test_the_right_path_is_named_where_only_a_slash_is_wrong(caller: Client, path: str, detail: str) -> None:
    answer = caller.post(path, b"[]", "application/json")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == detail


def test_outside_the_api_a_forged_post_is_still_refused(caller: Client) -> None:
    assert caller.post("/admin/login/", {"username": "a"}).status_code == 403
