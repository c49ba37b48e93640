"""A decision in the form that proxies ask for: what is asked, by whom, and with which status it is answered."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from governance.errors import DomainError, Invalid
from policies.decisions.documents import ProxysQuestion
from policies.decisions.engine.answers import Answer
from policies.decisions.engine.checks import CHECK_PATH, Check, answer_to_check, check_in
from policies.decisions.engine.decisions import Decision
from policies.decisions.errors import KeyRefused, SnapshotMissing, scope_unknown
from tests.conftest import AT
from tests.policies.decisions.engine.test_deciding import BLOCKED

KEY = {"authorization": "Bearer weir_key"}
DENY = Decision("deny", (BLOCKED,), None, None)
ASKED = Check(ProxysQuestion(scope="acme/search"), "weir_key", None, wants_json=False)


def asked(headers: dict[str, str], *, path: str = CHECK_PATH, query: str = "", body: bytes = b"") -> dict[str, Any]:
    return check_in(path, query, KEY | headers, body).question.model_dump(exclude_defaults=True)


def test_headers_say_what_is_asked() -> None:
    assert asked(
        {"x-weir-scope": "acme/search", "x-weir-model": "gpt-4o", "x-weir-service-tier": "batch", "x-weir-team": "ads",
         "x-weir-attributes": "stage=prod&app=a%20b", "x-weir-key-alias": "prod", "x-other": "x"}
    ) == {
        "scope": "acme/search", "model": "gpt-4o", "service_tier": "batch", "team": "ads", "key_alias": "prod",
        "attributes": {"stage": "prod", "app": "a b"},
    }  # fmt: skip


def test_a_query_comes_before_headers_where_the_callers_own_cannot_stand() -> None:
    headers, query = {"x-weir-scope": "acme"}, "scope=acme%2Fsearch&model=o3&team="
    assert asked(headers, query=query) == {"scope": "acme/search", "model": "o3"}
    assert asked(headers, query=query, path=f"{CHECK_PATH}/v1/chat") == {"scope": "acme"}
    for misspelt in ("scpoe=acme", "key=weir_other"):
        with pytest.raises(Invalid):
            asked(headers, query=misspelt)


def test_the_key_may_stand_beside_the_callers_own_which_is_known_by_its_hash() -> None:
    hashed = {"key_hash": hashlib.sha256(b"sk-callers").hexdigest()}
    for own in ({"authorization": "Bearer sk-callers"}, {"x-api-key": "sk-callers"}, {"api-key": "sk-callers"}):
        check = check_in(CHECK_PATH, "", own | {"x-weir-key": "weir_key"}, b"")
        assert (check.plaintext, check.question.model_dump(exclude_defaults=True)) == ("weir_key", hashed)
    named = {"authorization": "Bearer sk-callers", "x-weir-key": "weir_key", "x-weir-scope": "acme"}
    assert check_in(CHECK_PATH, "", named, b"").question.model_dump(exclude_defaults=True) == {"scope": "acme"}
    assert asked({}) == {}


@pytest.mark.parametrize(
    ("body", "model"),
    [
        (b'{"model": "o3", "messages": []}', "o3"),
        (b'{"model": 3}', ""),
        (b'{"model": "o3"', ""),
        (b"[1]", ""),
        (b"", ""),
    ],
)
def test_the_model_may_be_named_by_the_calls_own_body(body: bytes, model: str) -> None:
    assert check_in(CHECK_PATH, "", KEY, body).question.model == model
    assert check_in(CHECK_PATH, "", KEY | {"x-weir-model": "stated"}, body).question.model == "stated"


def test_nobody_asks_without_a_key_nor_with_what_is_too_long() -> None:
    with pytest.raises(KeyRefused):
        check_in(CHECK_PATH, "", {}, b"")
    with pytest.raises(Invalid):
        asked({"x-weir-team": "t" * 201})


def answered(decision: Decision | DomainError, check: Check = ASKED) -> Answer:
    def decide(_check: Check) -> Decision:
        if isinstance(decision, DomainError):
            raise decision
        return decision

    return answer_to_check(lambda: check, decide, path=CHECK_PATH, at=AT)


def test_an_allowed_call_is_200() -> None:
    text = ("Content-Type", "text/plain; charset=utf-8")
    headers = (text, ("X-Weir-Decision", "allow"), ("X-Weir-Stale", "false"))
    assert answered(Decision("allow", (), None, None)) == Answer(200, headers, b"")


SENTENCE = (
    "104 of 100 USD are used at acme/search. monthly holds calls back: Used up. It ends at 2026-11-24 13:00 UTC at the"
    " latest."
)


def test_a_denial_that_soon_ends_by_itself_says_when_to_come_again() -> None:
    answer = answered(DENY)
    assert (answer.status, answer.body.decode()) == (429, f"{SENTENCE}\n")
    assert dict(answer.headers) == {
        "Content-Type": "text/plain; charset=utf-8", "X-Weir-Decision": "deny", "X-Weir-Stale": "false",
        "X-Weir-Reason": "blocked_by_guardrail", "X-Weir-Guardrail": "monthly", "X-Weir-Step": "stop",
        "X-Weir-Limit-Scope": "acme/search", "X-Weir-Limit": "100.0", "X-Weir-Observed": "104.0", "X-Weir-Unit": "USD",
        "X-Weir-Resets-At": "2026-11-24T13:00:00+00:00", "X-Weir-Detail": SENTENCE, "Retry-After": "3600",
    }  # fmt: skip


def test_a_share_is_said_in_per_cent() -> None:
    share = replace(BLOCKED, limit=1.0, observed=1.1, unit="ratio")
    assert answered(replace(DENY, reasons=(share,))).body.startswith(b"110 of 100 % are used at acme/search. ")


def test_a_denial_that_nobody_would_wait_for_is_403() -> None:
    later = replace(BLOCKED, resets_at=(AT + timedelta(hours=1, seconds=1)).isoformat())
    for reasons in (
        (later,),
        (later, BLOCKED),
        (replace(BLOCKED, resets_at=None),),
        (replace(BLOCKED, retryable=False),),
    ):
        answer = answered(replace(DENY, reasons=reasons))
        assert (answer.status, dict(answer.headers).get("Retry-After")) == (403, None)


def test_a_proxy_may_ask_for_one_status_and_a_program_for_json() -> None:
    answer = answered(DENY, replace(ASKED, denied_as=403, wants_json=True))
    body = json.loads(answer.body)
    assert (answer.status, dict(answer.headers)["Retry-After"], body["detail"]) == (403, "3600", SENTENCE)
    assert body["error"] == {"message": SENTENCE, "type": "weir_denied", "code": "blocked_by_guardrail"}
    assert body["reasons"][0]["limit"] == 100.0
    check = check_in(CHECK_PATH, "denied_as=403", KEY | {"accept": "application/json"}, b"")
    assert (check.denied_as, check.wants_json) == (403, True)


def test_what_a_person_wrote_fits_into_a_header() -> None:
    answer = answered(replace(DENY, reasons=(replace(BLOCKED, detail="Über\r\nX-Evil: 1"),)))
    detail = dict(answer.headers)["X-Weir-Detail"]
    assert detail.isascii()
    assert "\r" not in detail
    assert "%C3%9Cber%0D%0AX-Evil: 1" in detail
    assert "Über" in answer.body.decode()


@pytest.mark.parametrize(
    ("refused", "status"),
    [(KeyRefused(), 401), (scope_unknown("acme"), 403), (Invalid("no"), 403), (SnapshotMissing(), 503)],
)
def test_no_other_status_reaches_a_proxy(refused: DomainError, status: int) -> None:
    answer = answered(refused)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, refused.code)
