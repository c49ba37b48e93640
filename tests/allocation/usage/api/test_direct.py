import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from allocation.usage.engine.posts import HandedAnswer, HandedPost, answers_from_bytes, posts_to_bytes
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


def hand(*posts: HandedPost) -> Any:
    """Several posts in one request, as the front hands them on; the answers, and the headers that they share."""
    answer = APIClient().generic(
        "POST", "/api/v1/usage", posts_to_bytes(posts), "application/octet-stream",
        headers={"X-Weir-Posts": str(len(posts))},
    )  # fmt: skip
    assert answer.status_code == 200
    return answers_from_bytes(answer.content), answer.headers


def handed(http: APIClient, body: Any, content_type: str = "application/json", host: str = "testserver") -> HandedPost:
    key = http._credentials["HTTP_AUTHORIZATION"]
    return HandedPost(key, content_type, host, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_posts_that_are_handed_on_together_are_answered_as_each_would_be_alone(acme: Scope, client_of: Client) -> None:
    http = client_of(acme)
    events = [fresh(id="a"), fresh(id="b"), fresh(id="c")]
    bodies: list[Any] = [events[0], [events[1], {"id": "x"}], [{"id": "y"}], events[0], []]
    lines = b"\n".join([json.dumps(events[2]).encode(), b"{}"])
    answers, headers = hand(
        *[handed(http, body) for body in bodies], handed(http, lines, "application/x-ndjson; charset=utf-8")
    )
    assert [(answer.status, answer.content_type) for answer in answers] == [
        (200, "application/json"), (200, "application/json"), (422, "application/problem+json"),
        (200, "application/json"), (200, "application/json"), (200, "application/json"),
    ]  # fmt: skip
    assert answers_of(answers[0]) == {"accepted": 1, "duplicate": 0, "rejected": []}
    assert (answers_of(answers[1])["accepted"], answers_of(answers[1])["rejected"][0]["index"]) == (1, 1)
    assert answers_of(answers[2])["code"] == "nothing_accepted"
    assert answers_of(answers[3]) == {"accepted": 0, "duplicate": 1, "rejected": []}
    assert answers_of(answers[4]) == {"accepted": 0, "duplicate": 0, "rejected": []}
    assert (answers_of(answers[5])["accepted"], len(answers_of(answers[5])["rejected"])) == (1, 1)
    assert sorted(UsageRecord.objects.values_list("event_id", flat=True)) == ["a", "b", "c"]
    alone = post(http, events[0])
    own = {"Content-Type", "Content-Length"}
    assert {name: value for name, value in alone.headers.items() if name not in own} == {
        name: value for name, value in headers.items() if name not in own
    }


def test_what_is_not_usual_among_others_is_asked_on_its_own(acme: Scope, client_of: Client) -> None:
    http = client_of(acme)
    answers, _ = hand(
        handed(http, b"{"),
        handed(client_of(acme, "usage:read"), fresh(id="not-allowed")),
        handed(http, fresh(id="elsewhere"), host="evil.example"),
        handed(http, [fresh(id=f"many-{number}") for number in range(101)]),
        handed(http, fresh(id="packed"), "text/plain"),
        HandedPost("Bearer x", "application/json", "testserver", b"{}"),
        handed(http, b" " * 70_000),
        handed(http, fresh(id="good")),
    )
    assert [answer is None for answer in answers] == [True] * 7 + [False]
    assert list(UsageRecord.objects.values_list("event_id", flat=True)) == ["good"]


def test_a_request_that_only_claims_to_be_several_posts_is_left_to_the_views(acme: Scope, client_of: Client) -> None:
    answer = client_of(acme).generic(
        "POST", "/api/v1/usage", b"[]", "application/octet-stream", headers={"X-Weir-Posts": "1"}
    )
    assert (type(answer), answer.status_code) == (Response, 415)


def answers_of(answer: HandedAnswer | None) -> Any:
    assert answer is not None
    return json.loads(answer.body)
