"""The same code on a PostgreSQL that somebody else runs: `DATABASE_URL` is all it takes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from config.embedded import EmbeddedPostgres
from config.folders import DataFolder
from tests.journeys.admin_session import AdminSession
from tests.journeys.installation import Installation, eventually, installation
from tests.journeys.test_month_of_a_team import usage

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own database")]

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: initech}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Budget
metadata: {name: initech-monthly}
spec: {scope: initech, unit: money, period: month, amount: "100.00", currency: USD, starts_on: 2026-01-01}
---
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: initech-budget, owner: finops@initech.example}
spec:
  match: {paths: ["initech"]}
  facts: {used: {fact: budget.used_ratio}}
  steps: [{name: stop, when: used >= 1.0, actions: [block: {message: Ask finance for more.}]}]
  enforcement: {level: hard_mandatory}
"""
OBEYED_S = 2.0
"""From the answer that tells of a change on one host to the other's obedience; milliseconds when nothing else runs."""


@pytest.fixture(scope="module")
def weir() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(DataFolder(folder / "theirs"), durable=False)
    server.start(say=lambda _sentence: None)
    try:
        with installation(DATABASE_URL=server.url) as made:
            made.start()
            yield made
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_usage_is_counted_and_decided_on_a_database_of_ones_own(weir: Installation) -> None:
    assert not (weir.folder / "data" / "postgres").exists()
    weir.apply(ORGANISATION)
    key = weir.key("initech", "usage:write", "decisions:read")
    event = {
        "id": "1", "source": "own", "occurred_at": datetime.now(UTC).isoformat(), "scope": "initech",
        "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
    }  # fmt: skip

    counted = [weir.post("/api/v1/usage", [event], key=key).json() for _ in range(2)]

    assert [(one["accepted"], one["duplicate"]) for one in counted] == [(1, 0), (0, 1)]
    assert weir.decide("initech", key=key)["decision"] == "allow"


@pytest.fixture
def elsewhere(weir: Installation) -> Iterator[Installation]:
    """Another host on the same database, with the secrets of the first."""
    with installation(DATABASE_URL=weir.env["DATABASE_URL"]) as made:
        (made.folder / "data").mkdir(mode=0o700)
        shutil.copy(weir.folder / "data" / "secrets.json", made.folder / "data" / "secrets.json")
        made.start()
        yield made


def test_two_hosts_on_one_database_obey_each_other(weir: Installation, elsewhere: Installation) -> None:
    weir.apply(ORGANISATION)
    key = weir.key("initech", "usage:write", "decisions:read")
    finance = AdminSession(weir, "finance@initech.example", weir.user("finance@initech.example", "finance", "initech"))
    [(budget,)] = weir.query("SELECT id FROM budgets_budget")
    finance.act("budgets/budget", "approve", str(budget), {"reason": "Agreed."})
    hosts = (weir, elsewhere)

    def decided() -> set[str]:
        asked = {"scope": "initech", "model": "gpt-4o"}
        return {host.post("/api/v1/decisions", asked, key=key).json().get("decision") for host in hosts}

    eventually(decided, holds=lambda seen: seen == {"allow"}, within_s=OBEYED_S, what="the key is known to both")
    elsewhere.post("/api/v1/usage", usage("initech", "120"), key=key)
    eventually(decided, holds=lambda seen: seen == {"deny"}, within_s=OBEYED_S, what="usage elsewhere")
    finance.act("budgets/budget", "grant", str(budget), {"amount": "100", "reason": "More."})
    second = AdminSession(weir, "second@initech.example", weir.user("second@initech.example", "finance", "initech"))
    second.act("budgets/budget", "approve_grant", str(budget), {"reason": "Agreed."})
    eventually(decided, holds=lambda seen: seen == {"allow"}, within_s=OBEYED_S, what="a grant here")

    assert [failing(host) & {"beat", "decisions"} for host in hosts] == [set(), set()]
    assert {host.post("/api/v1/usage", usage("initech", "1"), key=key).json()["accepted"] for host in hosts} == {1}


def failing(host: Installation) -> set[str]:
    return set(requests.get(f"{host.url}/readyz", timeout=5).json()["failing"])
