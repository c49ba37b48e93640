"""Events per second that a running Weir accepts over HTTP.

    python bench/ingest.py --url http://127.0.0.1:8000 --key weir_… --scope acme/a --scope acme/b [--events 500000]

Posts NDJSON batches from several threads, each with its own connection, and fails when an event is lost.
"""

import argparse
import http.client
import json
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

MODELS = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("openai", "o3"), ("anthropic", "claude-sonnet-4-5"))


def batch_of(run: str, start: int, size: int, scopes: list[str], now: datetime) -> bytes:
    lines = []
    for number in range(start, start + size):
        provider, model = MODELS[number % len(MODELS)]
        lines.append(
            json.dumps(
                {
                    "id": f"{run}-{number}",
                    "source": "bench",
                    "occurred_at": (now - timedelta(milliseconds=number % 60_000)).isoformat(),
                    "scope": scopes[number % len(scopes)],
                    "attributes": {"team": f"team-{number % 40}", "tag.env": "prod"},
                    "provider": provider,
                    "model": model,
                    "tokens": {
                        "input": 1000 + number % 7000,
                        "cached_input": number % 900,
                        "output": 50 + number % 800,
                    },
                    "task_id": f"task-{number // 7}",
                    "latency_ms": 200 + number % 3000,
                }
            )
        )
    return "\n".join(lines).encode()


class Sender(threading.Thread):
    def __init__(self, url: str, key: str, batches: list[bytes]) -> None:
        super().__init__()
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=120)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
        self.batches = batches
        self.times: list[float] = []
        self.accepted = 0
        self.failed: list[str] = []

    def run(self) -> None:
        for body in self.batches:
            started = time.perf_counter()
            self.connection.request("POST", "/api/v1/usage", body, self.headers)
            answer = self.connection.getresponse()
            response = answer.read()
            self.times.append(time.perf_counter() - started)
            if answer.status == 200:
                self.accepted += json.loads(response)["accepted"]
            else:
                self.failed.append(f"{answer.status} {response[:200]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", required=True)
    parser.add_argument("--scope", action="append", required=True)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=4)
    given = parser.parse_args()

    run, now = uuid.uuid4().hex[:12], datetime.now(UTC)
    print(f"making {given.events:,} events …")
    batches = [batch_of(run, start, given.batch, given.scope, now) for start in range(0, given.events, given.batch)]
    senders = [Sender(given.url, given.key, batches[place :: given.senders]) for place in range(given.senders)]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took = time.perf_counter() - started

    times = sorted(each for sender in senders for each in sender.times)
    accepted = sum(sender.accepted for sender in senders)
    failed = [each for sender in senders for each in sender.failed]
    print(f"{accepted:,} accepted in {took:.1f} s: {accepted / took:,.0f} events/s, {given.senders} senders")
    p50, p99 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.99))
    print(f"a batch of {given.batch}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"failed requests: {len(failed)} {failed[:3]}")
    if accepted != given.events:
        raise SystemExit(f"{given.events - accepted:,} events are missing")


if __name__ == "__main__":
    main()
