"""Request → approve → spend → warn → block → grant → release, through the command line, HTTP and the admin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.journeys.admin_session import AdminSession
from tests.journeys.doubles import Received
from tests.journeys.installation import ROOT, Installation, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

EXAMPLE = (ROOT / "docs/examples/organisation.yaml").read_text()


def usage(scope: str, cost: str, *, count: int = 1) -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat()
    return [
        {
            "id": str(uuid4()), "source": "journey", "occurred_at": now, "scope": scope, "provider": "openai",
            "model": "gpt-4o", "tokens": {"input": 1000, "output": 100}, "cost": cost,
        }
        for _ in range(count)
    ]  # fmt: skip


def test_the_month_of_a_team(weir: Installation, received: Received) -> None:
    # Platform declares the organisation; finance and the team are people with rights; the gateway gets a key.
    declared = weir.apply(EXAMPLE)
    assert "create" in declared
    assert "unchanged" in weir.apply(EXAMPLE)
    finance_password = weir.user("finance@example.com", "finance", "acme")
    key = weir.key(
        "acme", "usage:write", "usage:read", "decisions:read", "alerts:read", "constraints:read", "budgets:read"
    )

    # The budget in the file is a proposal until finance, who did not write it, approves it.
    [budget] = [one for one in weir.get("/api/v1/budgets", key=key)["results"] if one["scope"] == "acme/search"]
    assert budget["status"] == "submitted"
    finance = AdminSession(weir, "finance@example.com", finance_password)
    finance.act("budgets/budget", "approve", str(budget["id"]), {"reason": "Agreed in the monthly review."})
    approved = weir.get(f"/api/v1/budgets/{budget['id']}", key=key)
    assert approved["status"] == "approved"

    # Spend crosses 80 %: one warning, nothing held back.
    answer = weir.post("/api/v1/usage", usage("acme/search/ranker", "8.50", count=10), key=key)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 10)
    eventually(lambda: len(received.slack), holds=lambda n: n >= 1, within_s=10, what="Slack messages")
    eventually(lambda: len(received.mail), holds=lambda n: n >= 1, within_s=10, what="emails")
    assert weir.decide("acme/search/ranker", key=key)["decision"] == "allow"

    # Spend crosses 100 %: a second message, and the gateway is refused with the reason.
    weir.post("/api/v1/usage", usage("acme/search/ranker", "20.00"), key=key)
    denied = eventually(
        lambda: weir.decide("acme/search/ranker", key=key),
        holds=lambda answer: answer["decision"] == "deny", within_s=10, what="decision",
    )  # fmt: skip
    [reason] = denied["reasons"]
    assert reason["guardrail"] == "monthly-budget"
    assert reason["step"] == "stop"
    assert reason["scope"] == "acme/search"
    assert reason["retryable"] is True
    assert reason["resets_at"] > datetime.now(UTC).isoformat()
    assert weir.decide("acme/support", key=key)["decision"] == "allow"
    eventually(lambda: len(received.slack), holds=lambda n: n >= 2, within_s=10, what="Slack messages")
    eventually(lambda: len(received.mail), holds=lambda n: n >= 2, within_s=10, what="emails")

    # Finance grants more, by two people; nobody resets anything.
    finance.act("budgets/budget", "grant", str(budget["id"]), {"amount": "50.00", "reason": "The launch is worth it."})
    second = AdminSession(weir, "second@example.com", weir.user("second@example.com", "finance", "acme"))
    second.act("budgets/budget", "approve_grant", str(budget["id"]), {"reason": "Agreed."})
    eventually(
        lambda: weir.decide("acme/search/ranker", key=key)["decision"],
        holds=lambda decision: decision == "allow", within_s=10, what="decision",
    )  # fmt: skip
    [constraint] = weir.get("/api/v1/constraints", key=key, scope="acme/search")["results"]
    assert constraint["status"] == "released"

    # One incident: on each channel a message for each step and one for the release, and no more.
    eventually(lambda: len(received.mail), holds=lambda n: n >= 3, within_s=10, what="emails")
    eventually(lambda: len(received.slack), holds=lambda n: n >= 3, within_s=10, what="Slack messages")
    assert len(received.slack_texts("monthly-budget")) == 3
    assert len(received.subjects("monthly-budget")) == 3
    assert len(weir.get("/api/v1/alerts", key=key, scope="acme/search")["results"]) == 1

    # Every decision is on record; a changed record is found.
    assert "records hold" in weir.weir("audit", "verify")
    [(said,)] = weir.query("SELECT seq FROM governance_decisionrecord WHERE reason = 'The launch is worth it.'")
    tamper = f"UPDATE governance_decisionrecord SET reason = 'Nobody said this.' WHERE seq = {said}"
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        weir.execute(tamper)
    weir.execute("SET session_replication_role = replica", tamper)
    assert f"record {said}:" in weir.weir_error("audit", "verify").lower()
