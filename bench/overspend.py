"""How much more than its budget is spent, and for how long, when each call is decided before and posted after.

    python -m bench.overspend [--clients 64] [--runs 10] [--upstream-ms 200] [--spread-ms 0] [--cost 0.01] [--budget 1]

On a Weir of its own. Each client asks for a decision, waits as long as the call takes, posts its usage, and asks again
until it is refused. The crossing is the commit of the usage that uses the budget up, at the instant that PostgreSQL
remembers. In flight are the calls beyond the budget that were allowed before it, recorded with it or later, which no
decision could have stopped; allowed after it are those whose decision was answered later, late those of them that were
asked later too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import random
import statistics
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from bench.own_weir import own_weir

if TYPE_CHECKING:
    from governance.scopes.models import Scope

PATIENCE_S = 30.0


@dataclass
class Run:
    """What the clients of one scope saw, in the seconds of `time.time`, and when what they posted was committed."""

    budget: Decimal
    cost: Decimal
    allowed: list[tuple[float, float]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    committed: list[float] = field(default_factory=list)

    @property
    def over(self) -> Decimal:
        return len(self.committed) * self.cost - self.budget

    @property
    def crossed_s(self) -> float:
        return sorted(self.committed)[self._calls_in_budget - 1]

    @property
    def _calls_in_budget(self) -> int:
        return math.ceil(self.budget / self.cost)

    @property
    def in_flight(self) -> int:
        before = sum(answered <= self.crossed_s for _asked, answered in self.allowed)
        return before - self._calls_in_budget

    @property
    def allowed_after(self) -> int:
        return sum(answered > self.crossed_s for _asked, answered in self.allowed)

    @property
    def late(self) -> int:
        return sum(asked > self.crossed_s for asked, _answered in self.allowed)

    @property
    def refused_after_ms(self) -> float:
        return (min(self.refused) - self.crossed_s) * 1000


@dataclass
class Client:
    """One gateway's connection."""

    url: str
    key: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)

    def post(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = json.loads(answer.read())
        assert answer.status < http.client.MULTIPLE_CHOICES, content
        return content

    def work(self, run: Run, scope: str, upstream_s: float, spread_s: float) -> None:
        """Calls until it is refused."""
        end = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < end:
            asked = time.time()
            decision = self.post("/api/v1/decisions", {"scope": scope, "model": "gpt-4o"})["decision"]
            if decision == "deny":
                run.refused.append(time.time())
                return
            run.allowed.append((asked, time.time()))
            time.sleep(upstream_s + random.uniform(0, spread_s))
            event = {
                "id": str(uuid.uuid4()), "source": "overspend", "occurred_at": datetime.now(UTC).isoformat(),
                "scope": scope, "provider": "openai", "model": "gpt-4o", "tokens": {"input": 1000, "output": 100},
                "cost": str(run.cost),
            }  # fmt: skip
            answer = self.post("/api/v1/usage", [event])
            assert answer["accepted"] == 1, answer


def measure(url: str, key: str, team: Scope, given: argparse.Namespace) -> Run:
    from django.db import connection

    from allocation.usage.models import RECORD_TABLE

    run = Run(given.budget, given.cost)
    upstream_s, spread_s = given.upstream_ms / 1000, given.spread_ms / 1000
    threads = [
        threading.Thread(target=Client(url, key).work, args=(run, team.path, upstream_s, spread_s))
        for _ in range(given.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM {RECORD_TABLE} WHERE scope_id = %s",
            [team.pk],
        )
        run.committed = [float(at) for (at,) in cursor.fetchall()]
    return run


def report(runs: list[Run]) -> None:
    for run in runs:
        print(
            f"spent {run.over + run.budget} of {run.budget}: {run.over} over, {run.in_flight * run.cost} in flight at"
            f" the crossing, {run.allowed_after} calls allowed after it, {run.late} of them late",
            flush=True,
        )
    waits = sorted(run.refused_after_ms for run in runs if run.refused)
    if not waits:
        print("Nobody was refused.")
        return
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(f"crossing → first refusal: p50 {statistics.median(waits):.0f} ms, p99 {p99:.0f} ms, {len(waits)} runs")
    held = sum(run.over <= run.in_flight * run.cost for run in runs)
    print(f"{held} of {len(runs)} runs spent no more than what was in flight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--upstream-ms", type=float, default=200)
    parser.add_argument("--spread-ms", type=float, default=0, help="a call takes up to so much longer, out of step")
    parser.add_argument("--cost", type=Decimal, default=Decimal("0.01"))
    parser.add_argument("--budget", type=Decimal, default=Decimal(1))
    given = parser.parse_args()
    with own_weir(workers=True, times_commits=True) as weir:
        from bench.organisation import Organisation
        from policies.evaluation.models import EvaluationRun

        made = Organisation.create(teams=given.runs, at=datetime.now(UTC), slug="overspend")
        made.budgets(given.budget)
        made.guardrails(1)
        key = made.key("usage:write", "decisions:read")
        evaluate = psutil.Process(weir.pids()["evaluate"])
        before, runs_before = evaluate.cpu_times(), EvaluationRun.objects.count()
        report([measure(weir.url, key, team, given) for team in made.teams])
        after, evaluations = evaluate.cpu_times(), EvaluationRun.objects.count() - runs_before
        used = after.user + after.system - before.user - before.system
        print(f"{evaluations / given.runs:.0f} evaluations and {used / given.runs:.2f} s of CPU in `evaluate` a run")


if __name__ == "__main__":
    main()
