"""Questions as bytes, and answers as bytes."""

import gzip
import json

import pytest

from governance.errors import DomainError
from policies.decisions.documents import BODY_BYTES_MAX, Question
from policies.decisions.engine.answers import Answer, answer_to, bearer_of, question_in
from policies.decisions.engine.decisions import Decision
from policies.decisions.errors import KeyRefused, SnapshotMissing, permission_missing, scope_unknown
from tests.conftest import AT

BODY = b'{"model": "o3"}'


def test_a_body_may_be_packed() -> None:
    assert question_in(BODY) == question_in(gzip.compress(BODY), "gzip") == Question(model="o3")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_empty"),
        (b"{", "malformed_json"),
        (b" " * (BODY_BYTES_MAX + 1), "body_too_large"),
        (b"{}", "validation_failed"),
        (b'{"model": "a\\u0000"}', "nul_character"),
    ],
)
def test_what_is_no_question_is_refused_with_a_code(body: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        question_in(body)
    assert refused.value.code == code


@pytest.mark.parametrize("header", ["", "Basic abc", "weir_x"])
def test_a_key_is_presented_as_a_bearers(header: str) -> None:
    assert bearer_of("bearer  key ") == "key"
    with pytest.raises(KeyRefused) as refused:
        bearer_of(header)
    assert refused.value.code == "not_authenticated"


def test_a_decision_is_200_whatever_it_says() -> None:
    answer = answer_to("POST", lambda: Decision("deny", (), AT, 1.5, stale=True, snapshot_age_seconds=11.0))
    assert (answer.status, answer.headers) == (200, (("Content-Type", "application/json"),))
    assert json.loads(answer.body) == {
        "decision": "deny", "reasons": [], "evaluated_at": "2026-11-24T12:00:00Z", "data_age_seconds": 1.5,
        "stale": True, "snapshot_age_seconds": 11.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("refused", "status", "headers"),
    [
        (KeyRefused(), 401, {"WWW-Authenticate": 'Bearer realm="weir"'}),
        (permission_missing(), 403, {}),
        (scope_unknown("acme"), 404, {}),
        (SnapshotMissing(), 503, {"Retry-After": "2"}),
    ],
)
def test_a_refusal_is_a_problem(refused: DomainError, status: int, headers: dict[str, str]) -> None:
    def decide() -> Decision:
        raise refused

    answer = answer_to("POST", decide, path="/here")
    assert (answer.status, dict(answer.headers)) == (status, {"Content-Type": "application/problem+json", **headers})
    body = json.loads(answer.body)
    assert (body["status"], body["code"], body["instance"]) == (status, refused.code, "/here")


def test_only_a_post_asks() -> None:
    answer = answer_to("GET", lambda: Decision("allow", (), None, None))
    assert isinstance(answer, Answer)
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "POST")
