"""Seconds from posted usage to a denied decision and to the Slack message, on a running Weir.

    python -m bench.latency --url http://127.0.0.1:8000 --key KEY --scopes acme/t1,acme/t2,… --cost 1000
                            [--slack-port 9999]

Each scope must have a budget that `--cost` exceeds and a guardrail that blocks; each gives one trial, and 50 or more
are needed. With DATABASE_URL set, as for that `weir up`, `--prepare` makes them: an organisation `latency-…` with as
many teams, budgets, a guardrail and a Slack channel that points at this program's own loopback server.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import threading
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE_S = 20.0


@dataclass
class Slack:
    """A loopback server with Slack's incoming-webhook contract that records when each word first arrived."""

    port: int
    arrived: dict[str, float] = field(default_factory=dict)

    def start(self) -> str:
        arrived = self.arrived

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                now = time.perf_counter()
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                for word in set(text.replace('"', " ").replace("*", " ").replace("\\n", " ").split()):
                    arrived.setdefault(word, now)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_words: Any) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Webhook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/services/T0/B0/X"


def call(url: str, path: str, key: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"{url}{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def trial(url: str, key: str, scope: str, cost: str, slack: Slack | None) -> tuple[float, float | None]:
    event = {
        "id": str(uuid.uuid4()), "source": "latency", "occurred_at": datetime.now(UTC).isoformat(), "scope": scope,
        "provider": "openai", "model": "gpt-4o", "tokens": {"input": 1000, "output": 100}, "cost": cost,
    }  # fmt: skip
    began = time.perf_counter()
    answer = call(url, "/api/v1/usage", key, [event])
    assert answer["accepted"] == 1, answer
    while call(url, "/api/v1/decisions", key, {"scope": scope, "model": "gpt-4o"})["decision"] != "deny":
        if time.perf_counter() - began > PATIENCE_S:
            sys.exit(f"{scope} is still allowed after {PATIENCE_S:.0f} s.")
        time.sleep(0.005)
    denied = time.perf_counter() - began
    if slack is None:
        return denied, None
    while scope not in slack.arrived:
        if time.perf_counter() - began > PATIENCE_S:
            sys.exit(f"Nothing about {scope} reached Slack in {PATIENCE_S:.0f} s.")
        time.sleep(0.005)
    return denied, slack.arrived[scope] - began


def prepare(trials: int, slack_url: str) -> tuple[str, list[str]]:
    """Make a new organisation in the database of the running Weir; returns a key and the scopes. Its rows stay."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.utils import timezone

    from bench.organisation import Organisation
    from governance.documents import load_documents
    from governance.messages.operations import save_channel
    from governance.people.rules import Actor
    from policies.guardrails.documents import parse_guardrail
    from policies.guardrails.operations import apply_guardrail_policy

    at, name = timezone.now(), f"latency-{secrets.token_hex(3)}"
    made = Organisation.create(teams=trials, at=at, slug=name)
    made.budgets(Decimal(100))
    save_channel(scope=made.root, kind="slack", name="latency", actor=Actor.system(), at=at, url=slack_url)
    text = f"""
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {{name: {name}, owner: bench@example.com}}
spec:
  match: {{kinds: [team], paths: ["{name}/**"]}}
  facts: {{used: {{fact: budget.used}}, amount: {{fact: budget.amount}}}}
  steps:
    - name: stop
      when: used >= amount
      actions: [notify: {{to: ["slack:latency"]}}, block: {{}}]
  enforcement: {{level: hard_mandatory}}
"""
    document = parse_guardrail(load_documents(text, source="latency")[0])
    apply_guardrail_policy(document, actor=Actor.system(), at=at)
    key = made.key("usage:write", "decisions:read")
    return key, [team.path for team in made.teams]


def report(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{name}: p50 {p50:.3f} s, p99 {p99:.3f} s, worst {ordered[-1]:.3f} s over {len(ordered)} trials")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key")
    parser.add_argument("--scopes", default="")
    parser.add_argument("--cost", default="1000")
    parser.add_argument("--slack-port", type=int)
    parser.add_argument("--prepare", type=int, metavar="TRIALS")
    given = parser.parse_args()
    slack = Slack(given.slack_port or 0) if given.prepare or given.slack_port is not None else None
    slack_url = slack.start() if slack else ""
    key, scopes = prepare(given.prepare, slack_url) if given.prepare else (given.key, given.scopes.split(","))
    measured = [trial(given.url, key, scope, given.cost, slack) for scope in scopes]
    report("posted usage → decision denies", [denied for denied, _notified in measured])
    notified = [seconds for _denied, seconds in measured if seconds is not None]
    if notified:
        report("posted usage → Slack request received", notified)


if __name__ == "__main__":
    main()
