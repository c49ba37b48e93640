"""Hostile and mistaken input over HTTP: each a clear answer, nothing lost, nothing else disturbed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.journeys.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

NOW = datetime.now(UTC)
ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: globex}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: globex/team}
spec: {kind: team}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: globex/other}
spec: {kind: team}
"""
GUARDRAIL = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: broken}
spec:
  match: {paths: ["globex/**"]}
  facts: {spend: {fact: cost, window: 1h}}
  steps:
    - name: stop
      when: >-
        WHEN
      actions: [{block: {}}]
"""


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "1", "source": "bad-input", "occurred_at": NOW.isoformat(), "scope": "globex/team", "provider": "openai",
        "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def key(weir: Installation) -> str:
    weir.apply(ORGANISATION, name="globex.yaml")
    return weir.key("globex/team", "usage:write", "usage:read", "decisions:read")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b'[{"id": "1",', 400, "malformed_json", id="half a JSON document"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, 400, "json_too_deep", id="nested 10,000 deep"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "json_too_deep", id="objects nested 10,000 deep"),
        pytest.param(b"\xff\xfe[]", 400, "unicode_invalid", id="not UTF-8"),
        pytest.param(b"", 400, "body_empty", id="nothing at all"),
        pytest.param(b'"text"', 400, "malformed_json", id="a JSON text instead of events"),
    ],
)
def test_an_unreadable_body_is_refused_whole(weir: Installation, key: str, body: bytes, status: int, code: str) -> None:
    answer = weir.post("/api/v1/usage", body, key=key)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"tokens": {"input": -1}}, "out_of_range", id="negative token count"),
        pytest.param({"tokens": {"input": 10**30}}, "out_of_range", id="an integer of 10^30"),
        pytest.param({"model": "gpt\x004o"}, "invalid_text", id="NUL in a name"),
        pytest.param({"occurred_at": "1970-01-01T00:00:00Z"}, "occurred_too_early", id="1970"),
        pytest.param({"occurred_at": (NOW + timedelta(days=365)).isoformat()}, "occurred_in_future", id="next year"),
        pytest.param({"prompt": "the secret prompt"}, "unknown_field", id="an unknown field"),
        pytest.param({"scope": "globex/other"}, "scope_unknown", id="a scope outside the key's subtree"),
        pytest.param({"scope": "globex/team/nowhere"}, "scope_unknown", id="a scope that does not exist"),
    ],
)
def test_a_bad_record_is_refused_alone_and_kept(
    weir: Installation, key: str, changes: dict[str, Any], code: str
) -> None:
    before = weir.query("SELECT count(*) FROM allocation_quarantinedusage WHERE code = %s", code)[0][0]
    bad = event(id=str(uuid4())) | changes
    answer = weir.post("/api/v1/usage", [bad, event(id=str(uuid4()))], key=key)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["accepted"], [(one["index"], one["code"]) for one in body["rejected"]]) == (1, [(0, code)])
    assert weir.query("SELECT count(*) FROM allocation_quarantinedusage WHERE code = %s", code)[0][0] == before + 1
    kept = weir.query("SELECT count(*) FROM allocation_quarantinedusage WHERE payload::text LIKE '%secret prompt%'")
    assert kept == [(0,)]


def test_a_lone_surrogate_is_refused(weir: Installation, key: str) -> None:
    body = b'[{"id": "\\ud800", "source": "bad-input"}]'
    answer = weir.post("/api/v1/usage", body, key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_accepted"), answer.text
    assert [(one["index"], one["code"]) for one in answer.json()["rejected"]] == [(0, "invalid_text")]


def test_two_hundred_megabytes_are_refused_before_they_are_read(weir: Installation, key: str) -> None:
    with socket.create_connection(("127.0.0.1", weir.port), timeout=30) as plug:
        plug.sendall(
            b"POST /api/v1/usage HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + key.encode() + b"\r\nContent-Length: 209715200\r\n\r\n["
        )
        # Head and body may come apart; the connection is closed after them.
        answer = b"".join(iter(lambda: plug.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert b"body_too_large" in answer
    assert weir.ready()


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(bomb, ("alias",), id="an alias bomb"),
        pytest.param(lambda: "x: " + "[" * 5000 + "]" * 5000, ("deep",), id="nested 5,000 deep"),
        pytest.param(lambda: "kind: Scope\nkind: Budget\n", ("kind", "twice"), id="a key given twice"),
        pytest.param(lambda: GUARDRAIL.replace("WHEN", "spendd > 1.0"), ("spendd",), id="a typo in a condition"),
        pytest.param(
            lambda: GUARDRAIL.replace("steps:", "step:").replace("WHEN", "spend > 1.0"),
            ("step",),
            id="a typo in a field",
        ),
    ],
)
def test_a_bad_document_is_refused_with_its_place(
    weir: Installation, text: Callable[[], str], words: tuple[str, ...]
) -> None:
    path = weir.folder / "bad.yaml"
    path.write_text(text())
    refused = weir.weir_error("apply", str(path))
    assert "bad.yaml" in refused
    assert [word for word in words if word not in refused] == []
    assert "Traceback" not in refused


def test_an_expression_that_loops_is_refused(weir: Installation) -> None:
    ten = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
    loops = f"{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, spend > -1.0)))))"
    path = weir.folder / "loops.yaml"
    path.write_text(GUARDRAIL.replace("WHEN", loops))
    assert "loops more than 10,000 times" in weir.weir_error("guardrails", "validate", str(path))


def test_nothing_else_was_disturbed(weir: Installation, key: str) -> None:
    answer = weir.post("/api/v1/usage", [event(id="after all that")], key=key)
    assert answer.json()["accepted"] == 1
    assert weir.decide("globex/team", key=key)["decision"] == "allow"
