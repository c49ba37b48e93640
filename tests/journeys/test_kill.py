"""SIGKILL of each part while usage is being posted: nothing lost, nothing counted twice, no alert never sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count

import pytest
import requests

from tests.journeys.admin_session import AdminSession
from tests.journeys.doubles import Received
from tests.journeys.installation import ROOT, Installation, eventually, running_installation

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill")]

EXAMPLE = (ROOT / "docs/examples/organisation.yaml").read_text()
BATCH = 200
COST = Decimal("0.010000000")
# Of the budget in EXAMPLE: passing it passes both steps.
AMOUNT = Decimal(100)


class Sender(threading.Thread):
    """A gateway that retries a batch until it is acknowledged, always with the same ids. Unless it says that they are
    used once, a retry has the instant of the first try too.
    """

    def __init__(self, weir: Installation, key: str, name: str, *, identity: str) -> None:
        super().__init__(name=name)
        self.weir, self.key, self.identity = weir, key, identity
        self.acknowledged = 0
        self.retries = 0
        self.refused: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        for batch in count():
            if self.stopping.is_set():
                return
            self._deliver(batch)

    def _deliver(self, batch: int) -> None:
        first = datetime.now(UTC).isoformat()
        while True:
            now = datetime.now(UTC).isoformat() if self.identity == "id" else first
            events = [
                {"id": f"{self.name}-{batch}-{n}", "source": "kill", "identity": self.identity, "occurred_at": now,
                 "scope": "acme/search", "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
                 "cost": str(COST)}
                for n in range(BATCH)
            ]  # fmt: skip
            try:
                answer = self.weir.post("/api/v1/usage", events, key=self.key)
            except requests.RequestException:
                self.retries += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                body = answer.json()
                assert body["accepted"] + body["duplicate"] == BATCH, body
                self.acknowledged += BATCH
                return
            if answer.status_code < 500:
                self.refused.append(answer.text)
                return
            self.retries += 1
            time.sleep(0.05)


@pytest.fixture(scope="module")
def received() -> Received:
    return Received()


@pytest.fixture(scope="module")
def weir(received: Received) -> Iterator[Installation]:
    """Of its own: other journeys want theirs alive."""
    with running_installation(received) as running:
        yield running


def more(senders: list[Sender]) -> None:
    """Until each has had another batch acknowledged."""
    before = [sender.acknowledged for sender in senders]
    eventually(
        lambda: [sender.acknowledged - had for sender, had in zip(senders, before, strict=True)],
        holds=lambda got: min(got) > 0, within_s=120, what="acknowledged since the last kill",
    )  # fmt: skip


def test_kill_minus_nine_of_every_part_loses_nothing(weir: Installation, received: Received) -> None:
    weir.apply(EXAMPLE)
    finance = AdminSession(weir, "finance@example.com", weir.user("finance@example.com", "finance", "acme"))
    [(budget,)] = weir.query("SELECT id FROM budgets_budget")
    finance.act("budgets/budget", "approve", str(budget), {"reason": "Agreed."})
    key = weir.key("acme", "usage:write", "decisions:read", "alerts:read")
    senders = [Sender(weir, key, "north", identity="id_and_time"), Sender(weir, key, "south", identity="id")]
    for sender in senders:
        sender.start()

    killed = []
    for part in (
        *("config.service", "weir-fold", "weir-web", "postgres", "weir-evaluate", "weir-fold", "weir-deliver"),
        *("weir-slow", "weir-web", "postgres"),
    ):
        more(senders)
        killed.append(
            eventually(partial(weir.kill, part), holds=lambda count: count > 0, within_s=60, what=f"{part} runs")
        )
        eventually(weir.ready, holds=lambda ready: ready, within_s=60, what=f"ready after the kill of {part}")
    assert min(killed) >= 1
    more(senders)
    eventually(
        lambda: COST * sum(sender.acknowledged for sender in senders),
        holds=lambda spent: spent > AMOUNT, within_s=120, what="spent of the budget",
    )  # fmt: skip
    for sender in senders:
        sender.stopping.set()
    for sender in senders:
        sender.join(timeout=120)

    acknowledged = sum(sender.acknowledged for sender in senders)
    assert [sender.refused for sender in senders] == [[], []]
    assert sum(sender.retries for sender in senders) > 0
    assert acknowledged > 10 * BATCH

    # Exactly once in the records, in the roll-ups and in the ledger.
    weir.wait_for_fold()
    spent = COST * acknowledged
    assert weir.query("SELECT count(*), count(DISTINCT event_id), sum(cost) FROM allocation_usagerecord") == [
        (acknowledged, acknowledged, spent)
    ]
    assert weir.query("SELECT sum(requests), sum(cost) FROM allocation_usageday") == [(acknowledged, spent)]
    assert weir.query("SELECT sum(amount) FROM budgets_transfer WHERE kind = 'charge'") == [(spent,)]

    # Each step's message arrived; a repeat carries the same id and is counted.
    eventually(
        lambda: weir.query("SELECT count(*) FROM governance_delivery WHERE status <> 'sent'"),
        holds=lambda rows: rows == [(0,)], within_s=90, what="deliveries not sent",
    )  # fmt: skip
    rows = weir.query("SELECT id::text, possible_repeats_count FROM governance_delivery")
    channels = 2
    # Spending that passes both steps between two evaluations is told once, of the step in force.
    assert len(rows) in {channels, 2 * channels}
    arrivals = {
        delivery: sum(delivery in text for text in received.slack_texts(""))
        + sum(delivery in mail.as_string() for mail in received.mail)
        for delivery, _ in rows
    }
    assert all(1 <= arrivals[delivery] <= 1 + repeats for delivery, repeats in rows), (arrivals, rows)


def test_kill_of_everything_leaves_the_next_start_working(weir: Installation) -> None:
    weir.apply(EXAMPLE)
    key = weir.key("acme", "usage:write")
    event = {
        "id": "1", "source": "kill", "occurred_at": datetime.now(UTC).isoformat(), "scope": "acme/search",
        "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
    }  # fmt: skip
    assert weir.post("/api/v1/usage", [event], key=key).json()["accepted"] == 1

    weir.kill_all()
    weir.start()

    answer = weir.post("/api/v1/usage", [event], key=key).json()
    assert (answer["accepted"], answer["duplicate"]) == (0, 1)
