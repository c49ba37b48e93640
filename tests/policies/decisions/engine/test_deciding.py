"""Decisions from memory. That they are those of the database is tested where the snapshot follows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from governance.people.engine import key_digest
from policies.decisions.documents import Question
from policies.decisions.engine.deciding import Trust, decide
from policies.decisions.engine.decisions import Decision, HeldConstraint, Reason
from policies.decisions.engine.snapshot import KeyLine, ScopeLine, Snapshot
from policies.decisions.errors import KeyRefused, SnapshotMissing
from policies.guardrails.engine.constraint_kinds import Block
from tests.conftest import AT

KEY = "weir_0123456789_secret"
TRUST = Trust(stale_after_s=10.0, fails_closed=frozenset({"low"}))
BLOCK = HeldConstraint(
    id=7, scope_id=2, guardrail="monthly", step="stop", imposed=Block(models=("gpt-*",)), reason="Used up.",
    limit=100.0, observed=104.0, unit="USD", expires_at=AT + timedelta(hours=1), resets_at="2026-11-24T13:00:00+00:00",
)  # fmt: skip
BLOCKED = Reason(
    code="blocked_by_guardrail", guardrail="monthly", step="stop", scope="acme/search", limit=100.0, observed=104.0,
    unit="USD", resets_at="2026-11-24T13:00:00+00:00", retryable=True, detail="Used up.",
)  # fmt: skip


@pytest.fixture
def snapshot() -> Snapshot:
    made = Snapshot(read_at=0.0)
    made.put_scopes(
        [
            ScopeLine(1, None, "acme", "standard"),
            ScopeLine(2, 1, "acme/search", "high"),
            ScopeLine(3, 1, "acme/toys", "low"),
        ]
    )
    made.put_keys([KeyLine(1, "0123456789", key_digest(KEY), 1, True, None, None, None)])
    made.put_constraints([BLOCK])
    return made


def asked(snapshot: Snapshot, scope: str, *, age_s: float = 0.5, model: str = "gpt-4o", key: str = KEY) -> Decision:
    question = Question(scope=scope, model=model)
    return decide(snapshot, question, plaintext=key, at=AT, age_s=age_s, trust=TRUST)


ALLOW = Decision("allow", (), None, None, snapshot_age_seconds=0.5)


def test_a_current_snapshot_is_obeyed(snapshot: Snapshot) -> None:
    assert asked(snapshot, "acme/toys") == ALLOW
    assert asked(snapshot, "acme/search") == replace(ALLOW, decision="deny", reasons=(BLOCKED,))
    assert asked(snapshot, "acme/search", model="o3") == ALLOW
    assert asked(snapshot, "acme/toys", age_s=10.0) == replace(ALLOW, snapshot_age_seconds=10.0)


def test_a_stale_one_is_obeyed_where_criticality_fails_open_and_refuses_where_it_fails_closed(
    snapshot: Snapshot,
) -> None:
    stale = replace(ALLOW, stale=True, snapshot_age_seconds=10.5)
    assert asked(snapshot, "acme", age_s=10.5) == stale
    assert asked(snapshot, "acme/search", age_s=10.5) == replace(stale, decision="deny", reasons=(BLOCKED,))
    refusal = Reason(
        code="decisions_stale", guardrail="", step="", scope="acme/toys", limit=10.0, observed=10.5, unit="s",
        resets_at=None, retryable=True,
        detail="Weir has not heard from its database for 10 s, and scopes of criticality low are refused until it has.",
    )  # fmt: skip
    assert asked(snapshot, "acme/toys", age_s=10.5) == replace(stale, decision="deny", reasons=(refusal,))


def test_a_limit_ends_at_its_end_however_old_the_snapshot_is(snapshot: Snapshot) -> None:
    snapshot.put_constraints([replace(BLOCK, expires_at=AT)])
    assert asked(snapshot, "acme/search").decision == "allow"
    snapshot.put_constraints([replace(BLOCK, expires_at=AT + timedelta(microseconds=1))])
    assert asked(snapshot, "acme/search", age_s=1000).decision == "deny"


def test_what_a_stale_snapshot_does_not_know_may_be_newer(snapshot: Snapshot) -> None:
    with pytest.raises(KeyRefused):
        asked(snapshot, "acme", key="weir_9999999999_secret")
    for scope, key in (("acme", "weir_9999999999_secret"), ("acme/new", KEY)):
        with pytest.raises(SnapshotMissing):
            asked(snapshot, scope, key=key, age_s=11)
