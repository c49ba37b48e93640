"""What a Weir takes of real, kind and single traffic over HTTP, and what each layer spends on an event.

    python -m bench.traffic real                                  # own Weir, started as `weir up` starts it
    python -m bench.traffic kind --senders 2 --events 100000
    python -m bench.traffic single --senders 32 --events 20000    # one event per post
    python -m bench.traffic real --url U --key K                  # a Weir that already runs; clients' figures only
    python -m bench.traffic idle --seconds 180                    # what one holds and uses to which nothing comes

The traffic is the same for the same seed and arguments. Fails when an event is lost. An own Weir has an organisation of
`--teams` teams with budgets, found by keys and rules, and `--guardrails` guardrails, which never fire.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench import calls, layers
from bench.own_weir import OwnWeir, own_weir

MAKERS = {"real": calls.real, "kind": calls.kind, "single": calls.real}
DEFAULTS = {"real": (100_000, 1000, 4), "kind": (200_000, 1000, 4), "single": (10_000, 1, 32)}
LITTLE = 0.001
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
Bodies = list[tuple[int, bytes]]


class Sender(threading.Thread):
    """Posts bodies one after the other on a connection of its own."""

    def __init__(self, url: str, key: str, bodies: Bodies, media_type: str) -> None:
        super().__init__(daemon=True)
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.head = (
            f"POST /api/v1/usage HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: "
        ).encode()
        self.bodies = bodies
        self.times: list[float] = []
        self.accepted = 0
        self.failed: list[str] = []

    def run(self) -> None:
        with socket.create_connection(self.address, timeout=120) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _, body in self.bodies:
                request = b"%b%d\r\n\r\n%b" % (self.head, len(body), body)
                started = time.perf_counter()
                connection.sendall(request)
                status, answer = _answer(connection)
                self.times.append(time.perf_counter() - started)
                if status == 200:
                    self.accepted += json.loads(answer)["accepted"]
                else:
                    self.failed.append(f"{status} {answer[:200]!r}")


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length and len(body) < int(length[1]):
        body += _more(connection)
    return int(head.split(b" ", 2)[1]), body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("The server closed the connection.")
    return received


class Freshness(threading.Thread):
    """How old the oldest usage is that roll-ups, and that charges and tasks, do not hold yet, asked every 50 ms."""

    def __init__(self, database_url: str) -> None:
        super().__init__(daemon=True)
        self.database_url = database_url
        self.ages: list[float] = []
        self.ages_of_charges: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            while not self.over.wait(0.05):
                age, of_charges = layers.oldest_unfolded_s(connection)
                self.ages.append(age)
                self.ages_of_charges.append(of_charges)


def post(url: str, key: str, bodies: Bodies, count: int, media_type: str) -> tuple[list[Sender], float]:
    """All bodies from `count` senders; how long it took."""
    senders = [Sender(url, key, bodies[place::count], media_type) for place in range(count)]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return senders, time.perf_counter() - started


def quantiles(times: list[float], *shares: float) -> list[float]:
    ordered = sorted(times)
    return [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in shares] if ordered else [0.0]


def report(senders: list[Sender], took: float, events: int, batch: int) -> None:
    accepted = sum(sender.accepted for sender in senders)
    failed = [each for sender in senders for each in sender.failed]
    p50, p99, worst = (
        seconds * 1e3 for seconds in quantiles([each for s in senders for each in s.times], 0.5, 0.99, 1.0)
    )
    print(f"{accepted:,} accepted in {took:.1f} s: {accepted / took:,.0f} events/s, {len(senders)} senders")
    print(f"a post of {batch}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms; failed {len(failed)}")
    if failed:
        print(f"  {failed[:3]}")
    if accepted != events:
        raise SystemExit(f"{events - accepted:,} events are missing")


def report_memory(memory: Mapping[str, float]) -> None:
    by_program = sorted(memory.items(), key=lambda item: -item[1])
    print(f"memory {sum(memory.values()):,.0f} MB: {', '.join(f'{name} {size:.0f}' for name, size in by_program)}")


def report_idle(weir: OwnWeir, seconds: float) -> None:
    programs = weir.pids()
    before = layers.spent(weir.database_url, programs, weir.postmaster)
    time.sleep(seconds)
    used = layers.spent(weir.database_url, programs, weir.postmaster).since(before)
    report_memory(layers.memory_mb(programs, weir.postmaster))
    shares = {name: used_s / seconds for name, used_s in used.cpu_s.items() if used_s / seconds >= LITTLE}
    print(f"CPU {sum(used.cpu_s.values()) / seconds:.1%} of a core: ", end="")
    print(", ".join(f"{name} {share:.1%}" for name, share in sorted(shares.items(), key=lambda item: -item[1])))


def report_layers(used: layers.Spent, client_s: float, events: int) -> None:
    def per_event(of: Mapping[str, float], scale: float, digits: int) -> str:
        shown = sorted(((value * scale / events, name) for name, value in of.items() if value > 0), reverse=True)
        return " · ".join(f"{name} {value:,.{digits}f}" for value, name in shown if round(value, digits))

    everything = sum(used.cpu_s.values())
    print(f"CPU, µs an event: {everything * 1e6 / events:,.0f} without the client's {client_s * 1e6 / events:,.0f}")
    print(f"  {per_event(used.cpu_s, 1e6, 0)}")
    print(f"rows written an event: {sum(used.rows.values()) / events:.2f}")
    print(f"  {per_event(used.rows, 1, 2)}")
    print(f"WAL bytes an event: {used.wal_bytes / events:,.0f}")


def report_statements(by_program: Mapping[str, Counter[str]], posts: int, events: int) -> None:
    print(f"statements of {posts} posts with {events:,} events, by program:")
    for program, words in sorted(by_program.items()):
        total = sum(words.values())
        told = ", ".join(f"{word} {count}" for word, count in words.most_common(6))
        print(f"  {program}: {total / posts:.1f} a post, {total / events:.3f} an event ({told})")


def prepare(shape: calls.Shape, guardrails: int) -> str:
    """An organisation `bench` with budgets on its teams, found by keys and rules; returns a key."""
    from allocation.attribution.documents import AttributionRulesDocument
    from allocation.attribution.operations import apply_attribution_rules
    from bench.organisation import Organisation
    from governance.people.rules import Actor

    made = Organisation.create(teams=shape.teams, at=datetime.now(UTC))
    made.budgets(Decimal(10**7))
    made.guardrails(guardrails)
    keyed = [number for number in range(shape.teams) if number % shape.keyed == 0]
    ruled = [number for number in range(shape.teams) if number % shape.keyed]
    rules: list[dict[str, Any]] = [
        {"when": {"team": f"team-{number}"}, "scope": f"bench/team-{number}"}
        if number % 4 == 1
        else {"if": f'attributes.team == "team-{number}" && source != "test"', "scope": f"bench/team-{number}"}
        for number in ruled
    ]
    document = {
        "apiVersion": "weir/v1",
        "kind": "AttributionRules",
        "metadata": {"name": "bench"},
        "spec": {
            "organisation": "bench",
            "keys": [{"key_alias": f"key-{number}", "scope": f"bench/team-{number}"} for number in keyed],
            "rules": rules,
        },
    }
    apply_attribution_rules(
        AttributionRulesDocument.model_validate(document), actor=Actor.system(), at=datetime.now(UTC)
    )
    return made.key("usage:write", "usage:read", "decisions:read")


def bodies_of(given: argparse.Namespace, count: int, *, seed: int) -> Bodies:
    shape = calls.Shape(given.teams, given.users, given.hours, given.calls_per_task)
    made = MAKERS[given.traffic](count, uuid.uuid4().hex[:12], shape, seed=seed, now=datetime.now(UTC))
    return list(calls.lines(made, given.batch))


def measure(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    """Posts once unmeasured, once measured, and a little with every statement logged."""
    media_type = "application/json" if given.batch == 1 else "application/x-ndjson"
    programs = weir.pids()
    post(weir.url, key, bodies_of(given, max(given.senders, 4) * given.batch, seed=-1), given.senders, media_type)
    bodies = bodies_of(given, given.events, seed=given.seed)
    time.sleep(layers.REPORTED_S)
    freshness = Freshness(weir.database_url)
    before, client_s = layers.spent(weir.database_url, programs, weir.postmaster), time.process_time()
    freshness.start()
    senders, took = post(weir.url, key, bodies, given.senders, media_type)
    client_s = time.process_time() - client_s
    settled(weir, freshness)
    memory = layers.memory_mb(programs, weir.postmaster)
    time.sleep(layers.REPORTED_S)
    used = layers.spent(weir.database_url, programs, weir.postmaster).since(before)
    report(senders, took, given.events, given.batch)
    p99, worst = quantiles(freshness.ages, 0.99, 1.0)
    print(f"oldest usage not in roll-ups yet: p99 {p99:.2f} s, worst {worst:.2f} s")
    print(f"not in charges and tasks yet: worst {max(freshness.ages_of_charges, default=0):.1f} s")
    report_memory(memory)
    report_layers(used, client_s, given.events)
    few = bodies_of(given, given.batch * 20, seed=given.seed + 1)
    with layers.statements(weir.database_url, weir.log) as counted:
        post(weir.url, key, few, min(given.senders, 20), media_type)
        time.sleep(1)
        report_statements(counted(), len(few), given.batch * 20)


def settled(weir: OwnWeir, freshness: Freshness) -> None:
    """Waits until all sums hold everything: that work belongs to the measurement."""
    with psycopg.connect(weir.database_url, autocommit=True) as connection:
        while any(layers.oldest_unfolded_s(connection)):
            time.sleep(0.05)
    freshness.over.set()
    freshness.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traffic", choices=sorted((*MAKERS, "idle")))
    parser.add_argument("--seconds", type=float, default=120.0, help="of idle")
    parser.add_argument("--url")
    parser.add_argument("--key")
    parser.add_argument("--events", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--senders", type=int, help="for single traffic: the clients")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--users", type=int, default=3000)
    parser.add_argument("--hours", type=float, default=24.0, help="before now, over which the calls' instants lie")
    parser.add_argument("--calls-per-task", type=int, default=4)
    parser.add_argument("--guardrails", type=int, default=5)
    parser.add_argument("--web-only", action="store_true", help="start no workers and no beat")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    given = parser.parse_args()
    if given.traffic == "idle":
        with own_weir(workers=True) as weir:
            report_idle(weir, given.seconds)
        return
    events, batch, senders = DEFAULTS[given.traffic]
    given.events, given.batch = given.events or events, given.batch or batch
    given.senders = given.senders or senders
    if given.url:
        media_type = "application/json" if given.batch == 1 else "application/x-ndjson"
        bodies = bodies_of(given, given.events, seed=given.seed)
        sent, took = post(given.url, given.key, bodies, given.senders, media_type)
        report(sent, took, given.events, given.batch)
        return
    with own_weir(workers=not given.web_only, keep=given.keep) as weir:
        key = prepare(calls.Shape(given.teams), given.guardrails)
        print(f"{given.traffic}: {given.events:,} events, {given.batch} a post, {given.senders} senders")
        measure(weir, key, given)


if __name__ == "__main__":
    main()
