"""A disk that is really full, of the tables and of the write-ahead log, while senders post: what was answered with 200
is kept, everything else is answered 503 with `Retry-After`, and once there is room everything goes on by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import requests

from config.folders import DataFolder
from tests.adversary import small_disks
from tests.journeys.admin_session import AdminSession
from tests.journeys.installation import Installation, eventually, installation

pytestmark = [pytest.mark.adversary("database"), pytest.mark.slow, pytest.mark.xdist_group("full disk")]
DOCUMENTS = """
apiVersion: weir/v1
kind: Scope
metadata: {name: acme}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Budget
metadata: {name: acme-monthly}
spec: {scope: acme, unit: money, period: month, amount: "1000000.00", currency: USD, starts_on: 2026-01-01}
"""
TABLES_MB, LOG_MB = 160, 128
BATCH, COST = 200, Decimal("0.01")
PATIENCE_S = 120


@dataclass(eq=False)
class Caller(threading.Thread):
    """Asks again and again, and remembers what was answered: the same again for as long as it was not answered 200."""

    weir: Installation
    key: str
    path: str
    faults: list[str] = field(default_factory=list)
    answered: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        super().__init__(name=self.path)
        self.is_over = threading.Event()

    def run(self) -> None:
        for number in count():
            body = self.body(number)
            while not self.is_accepted(body):
                time.sleep(0.05)
            if self.is_over.is_set():
                return

    def body(self, _number: int) -> Any:
        return {"scope": "acme", "model": "gpt-4o"}

    def is_accepted(self, body: Any) -> bool:
        """Whether there is nothing to ask again; also when the answer is a fault, which is kept."""
        try:
            answer = self.weir.post(self.path, body, key=self.key)
        except requests.RequestException as problem:
            self.faults.append(repr(problem))
            return True
        if answer.status_code == 503:
            self.refused += 1
            if not (answer.headers.get("Retry-After") and "problem+json" in answer.headers["Content-Type"]):
                self.faults.append(f"503 without a word: {answer.headers} {answer.text}")
            return False
        if answer.status_code != 200:
            self.faults.append(f"{answer.status_code}: {answer.text}")
        else:
            self.answered += 1
        return True


class Sender(Caller):
    def __init__(self, weir: Installation, key: str, name: str, size: int) -> None:
        super().__init__(weir, key, "/api/v1/usage")
        self.name, self.size = name, size

    def body(self, number: int) -> Any:
        at = datetime.now(UTC).isoformat()
        return [
            {"id": f"{self.name}-{number}-{n}", "source": "disk", "occurred_at": at, "scope": "acme",
             "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1}, "cost": str(COST)}
            for n in range(self.size)
        ]  # fmt: skip


@pytest.fixture
def weir() -> Iterator[Installation]:
    with installation() as made:
        if why := small_disks.why_not(made.folder / "disk"):
            pytest.skip(f"nobody may mount a disk here: {why}")
        made.prepare()
        postgres = DataFolder(made.folder / "data").postgres
        made.start(*small_disks.words({postgres / "base": TABLES_MB, postgres / "pg_wal": LOG_MB}))
        yield made


def test_what_was_acknowledged_on_a_full_disk_is_kept_and_everything_goes_on(weir: Installation) -> None:
    weir.apply(DOCUMENTS)
    finance = AdminSession(weir, "finance@example.com", weir.user("finance@example.com", "finance", "acme"))
    [(budget,)] = weir.query("SELECT id FROM budgets_budget")
    finance.act("budgets/budget", "approve", str(budget), {"reason": "Agreed."})
    key = weir.key("acme", "usage:write", "decisions:read")
    senders = [Sender(weir, key, "large", BATCH), Sender(weir, key, "other", BATCH), Sender(weir, key, "one", 1)]
    callers = [*senders, Caller(weir, key, "/api/v1/decisions")]
    postgres = DataFolder(weir.folder / "data").postgres
    assert weir.up is not None
    with ExitStack() as at_the_end:
        for caller in callers:
            at_the_end.callback(caller.is_over.set)
            caller.start()
        for disk in (postgres / "base", postgres / "pg_wal"):
            every(callers, "answered", "answered before")
            with small_disks.full(disk, seen_by=weir.up.pid):
                every(senders[:2], "refused", f"refused while {disk.name} is full")
            every(callers, "answered", f"answered when {disk.name} has room again")
    for caller in callers:
        caller.join(PATIENCE_S)

    assert [caller.faults for caller in callers] == [[], [], [], []]
    acknowledged = sum(sender.answered * sender.size for sender in senders)
    weir.wait_for_fold()
    eventually(weir.ready, holds=lambda ready: ready, within_s=PATIENCE_S, what="ready again")
    assert weir.query("SELECT count(*), count(DISTINCT event_id), sum(cost) FROM allocation_usagerecord") == [
        (acknowledged, acknowledged, COST * acknowledged)
    ]
    assert weir.query("SELECT sum(requests), sum(cost) FROM allocation_usageday") == [
        (acknowledged, COST * acknowledged)
    ]
    assert weir.query("SELECT sum(amount) FROM budgets_transfer WHERE kind = 'charge'") == [(COST * acknowledged,)]
    assert weir.query("SELECT spent FROM budgets_account WHERE kind = 'budget'") == [(COST * acknowledged,)]
    assert "records hold" in weir.weir("audit", "verify")


def every(callers: list[Any], what: str, when: str) -> None:
    """Waits until each of them had one such answer more."""
    before = [getattr(caller, what) for caller in callers]
    eventually(
        lambda: [getattr(caller, what) - was for caller, was in zip(callers, before, strict=True)],
        holds=lambda more: min(more) > 0, within_s=PATIENCE_S, what=when,
    )  # fmt: skip
