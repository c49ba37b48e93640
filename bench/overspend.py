"""How much more than its budget is spent, and for how long, when each call is decided before and posted after.

    python -m bench.overspend [--clients 64] [--runs 10] [--upstream-ms 200] [--cost 0.01] [--budget 1]

On a Weir of its own. Each client asks for a decision, waits as long as the call takes, posts its usage, and asks again
until it is refused. The crossing is the answer to the post that uses the budget up; in flight are the calls that were
allowed before it and posted after it, which no decision could have stopped.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.own_weir import own_weir

PATIENCE_S = 30.0


@dataclass
class Run:
    """What the clients of one scope saw, in the seconds of `time.perf_counter`; guarded by its lock."""

    budget: Decimal
    cost: Decimal
    spent: Decimal = Decimal(0)
    in_flight: int = 0
    in_flight_at_crossing: int = 0
    allowed_after: int = 0
    crossed_s: float | None = None
    refused_s: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def allowed(self) -> None:
        with self.lock:
            self.in_flight += 1
            self.allowed_after += self.crossed_s is not None

    def posted(self) -> None:
        with self.lock:
            self.spent += self.cost
            self.in_flight -= 1
            if self.crossed_s is None and self.spent >= self.budget:
                self.crossed_s, self.in_flight_at_crossing = time.perf_counter(), self.in_flight

    def refused(self) -> None:
        with self.lock:
            if self.refused_s is None:
                self.refused_s = time.perf_counter()


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

    def work(self, run: Run, scope: str, upstream_s: float) -> None:
        """Calls until it is refused."""
        end = time.perf_counter() + PATIENCE_S
        while time.perf_counter() < end:
            if self.post("/api/v1/decisions", {"scope": scope, "model": "gpt-4o"})["decision"] == "deny":
                run.refused()
                return
            run.allowed()
            time.sleep(upstream_s)
            event = {
                "id": str(uuid.uuid4()), "source": "overspend", "occurred_at": datetime.now(UTC).isoformat(),
                "scope": scope, "provider": "openai", "model": "gpt-4o", "tokens": {"input": 1000, "output": 100},
                "cost": str(run.cost),
            }  # fmt: skip
            answer = self.post("/api/v1/usage", [event])
            assert answer["accepted"] == 1, answer
            run.posted()


def measure(url: str, key: str, scope: str, given: argparse.Namespace) -> Run:
    run = Run(given.budget, given.cost)
    upstream_s = given.upstream_ms / 1000
    threads = [
        threading.Thread(target=Client(url, key).work, args=(run, scope, upstream_s)) for _ in range(given.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return run


def report(runs: list[Run]) -> None:
    waits = sorted(
        (run.refused_s - run.crossed_s) * 1000
        for run in runs
        if run.refused_s is not None and run.crossed_s is not None
    )
    for run in runs:
        over = run.spent - run.budget
        print(
            f"spent {run.spent} of {run.budget}: {over} over, {run.in_flight_at_crossing * run.cost} in flight at the"
            f" crossing, {run.allowed_after} calls allowed after it",
            flush=True,
        )
    if not waits:
        print("Nobody was refused.")
        return
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(f"crossing → first refusal: p50 {statistics.median(waits):.0f} ms, p99 {p99:.0f} ms, {len(waits)} runs")
    held = sum(run.spent - run.budget <= run.in_flight_at_crossing * run.cost for run in runs)
    print(f"{held} of {len(runs)} runs spent no more than what was in flight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--upstream-ms", type=float, default=200)
    parser.add_argument("--cost", type=Decimal, default=Decimal("0.01"))
    parser.add_argument("--budget", type=Decimal, default=Decimal(1))
    given = parser.parse_args()
    with own_weir(workers=True) as weir:
        from bench.organisation import Organisation
        from policies.evaluation.models import EvaluationRun

        made = Organisation.create(teams=given.runs, at=datetime.now(UTC), slug="overspend")
        made.budgets(given.budget)
        made.guardrails(1)
        key = made.key("usage:write", "decisions:read")
        evaluate = psutil.Process(weir.pids()["evaluate"])
        before, runs_before = evaluate.cpu_times(), EvaluationRun.objects.count()
        report([measure(weir.url, key, team.path, given) for team in made.teams])
        after, evaluations = evaluate.cpu_times(), EvaluationRun.objects.count() - runs_before
        used = after.user + after.system - before.user - before.system
        print(f"{evaluations / given.runs:.0f} evaluations and {used / given.runs:.2f} s of CPU in `evaluate` a run")


if __name__ == "__main__":
    main()
