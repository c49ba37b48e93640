import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client, document

# An answer in it is what the usual post gets too, but only the views read it.
THROUGH_THE_VIEWS = "application/json;q=0.9"


def fresh(**changes: Any) -> dict[str, Any]:
    return document(**{"occurred_at": timezone.now().isoformat(), **changes})


def post(http: APIClient, body: Any, accept: str = "*/*", content_type: str = "application/json") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http.generic("POST", "/api/v1/usage", data, content_type, headers={"Accept": accept})


def told(answer: Any) -> Any:
    return (answer.status_code, answer.json(), dict(answer.headers))


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, */*"])
@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([[fresh(id="a")], [fresh(id="b")]], id="counted"),
        pytest.param([fresh(id="a", scope="acme/ads"), fresh(id="b", scope="acme/ads")], id="one object"),
        pytest.param([[fresh(id="a"), {"id": "x"}], [fresh(id="b"), {"id": "x"}]], id="one bad record"),
        pytest.param([[{"id": "x"}], [{"id": "x"}]], id="every record bad"),
        pytest.param([[], []], id="nothing"),
    ],
)
def test_the_answer_is_that_of_the_views(acme: Scope, client_of: Client, accept: str, bodies: list[Any]) -> None:
    http = client_of(acme)
    direct, viewed = (post(http, body, how) for body, how in zip(bodies, (accept, THROUGH_THE_VIEWS), strict=True))
    assert (type(direct), type(viewed)) == (HttpResponse, Response)
    assert told(direct) == told(viewed)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        ([fresh(id=f"call-{number}") for number in range(101)], "application/json"),
        (fresh(), "text/plain"),
    ],
)
def test_what_is_not_usual_is_left_to_the_views(acme: Scope, client_of: Client, body: Any, content_type: str) -> None:
    assert isinstance(post(client_of(acme), body, content_type=content_type), Response)


def test_who_may_not_is_refused_by_the_views(acme: Scope, client_of: Client) -> None:
    answers = [
        post(client_of(acme, "usage:read"), fresh()),
        APIClient().generic("POST", "/api/v1/usage", b"{}", "application/json", headers={"Authorization": "Bearer x"}),
        APIClient().generic(
            "POST", "/api/v1/usage", json.dumps(fresh()), "application/json",
            headers={"Authorization": "Bearer weir_0123456789_none"},
        ),
    ]  # fmt: skip
    assert [(type(answer), answer.status_code) for answer in answers] == [
        (Response, 403), (Response, 401), (Response, 401),
    ]  # fmt: skip
    assert not UsageRecord.objects.exists()
