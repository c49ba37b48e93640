"""What the decisions process answers, what it obeys how soon, and what it costs.

    python -m bench.decisions                          # own Weir, started as `weir up` starts it; needs wrk
    python -m bench.decisions --parts alone,obeyed     # some of PARTS only
    python -m bench.decisions --url U --key K --scope acme/search   # a Weir that already runs: alone only

alone   requests/s and latency, with a scope that is allowed and one that is denied
beside  the same while real traffic is posted at full speed, and what that costs the traffic: asked at a stated rate,
        each waiting from its planned instant, and as fast as answered
obeyed  from the commit of a constraint to the first denial, and from its release to the first permission
start   time and memory of the front with many constraints and scopes, and what it then answers
proxy   what a question adds to a call through Envoy, beside one to a stub (needs `make .venv-envoy/.installed`)

Targets on two quiet cores, load included: alone 8,000/s, p99 8 ms; beside p99 20 ms, traffic loses at most 15 %; obeyed
p99 100 ms; start 3 s and 300 MB; proxy 1.5 ms more than the stub at the median.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from bench import calls, traffic
from bench.own_weir import OwnWeir, own_weir

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("alone", "beside", "obeyed", "start", "proxy")
ENVOY = ROOT / ".venv-envoy/bin/envoy"
RECIPE = ROOT / "docs/recipes/envoy/envoy.yaml"


@dataclass(frozen=True)
class Figures:
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int


def body_of(scope: str, model: str) -> str:
    return json.dumps({"scope": scope, "model": model, "operation": "chat"})


def with_wrk(url: str, key: str, body: str, *, connections: int, seconds: int) -> Figures:
    """What wrk measures of one body, sent as fast as it is answered."""
    script = (
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(body)}\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {key}"\n'
    )
    return with_script(url, script, connections=connections, seconds=seconds)


def with_script(url: str, script: str, *, connections: int, seconds: int) -> Figures:
    """What wrk measures of the requests that the script makes."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", file.name, url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    units = {"us": 0.001, "ms": 1.0, "s": 1000.0}

    def quantile(name: str) -> float:
        latency = re.search(rf"^\s+{name}%\s+([\d.]+)(us|ms|s)\s*$", output, re.MULTILINE)
        assert latency, output
        return float(latency[1]) * units[latency[2]]

    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    assert rate, output
    errors = (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Figures(float(rate[1]), quantile("50"), quantile("99"), errors)


def report(name: str, figures: Figures) -> None:
    print(
        f"{name}: {figures.requests_per_s:,.0f} requests/s, p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms, "
        f"{figures.errors} errors"
    )


def measure(url: str, key: str, scope: str, model: str, *, connections: int, seconds: int) -> Figures:
    return with_wrk(f"{url}/api/v1/decisions", key, body_of(scope, model), connections=connections, seconds=seconds)


@dataclass
class Asker:
    """One question after the other on one connection."""

    url: str
    key: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.connection = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = (
            f"POST /api/v1/decisions HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {self.key}\r\n"
            "Content-Length: "
        ).encode()

    def denied(self, scope: str) -> bool:
        body = body_of(scope, "gpt-4o").encode()
        self.connection.sendall(b"%b%d\r\n\r\n%b" % (self.head, len(body), body))
        return b'"decision":"deny"' in self.connection.recv(65536)


def alone(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    front = psutil.Process(weir.programs["front"].pid)
    for name, scope in (("allow", "bench/team-1"), ("deny", "bench/team-0")):
        measure(weir.url, key, scope, given.model, connections=given.connections, seconds=2)
        before = front.cpu_times()
        figures = measure(weir.url, key, scope, given.model, connections=given.connections, seconds=given.seconds)
        after = front.cpu_times()
        report(f"alone, {name}", figures)
        used = after.user + after.system - before.user - before.system
        print(f"  {used / (figures.requests_per_s * given.seconds) * 1e6:.0f} us of the front's CPU a decision")


def batches(given: argparse.Namespace, *, seed: int) -> traffic.Bodies:
    """Real traffic in batches of a thousand."""
    made = calls.real(given.events, f"d{seed}", calls.Shape(given.teams), seed=seed, now=datetime.now(UTC))
    return list(calls.lines(made, 1000))


def posted(weir: OwnWeir, key: str, given: argparse.Namespace, bodies: traffic.Bodies) -> float:
    """Events a second."""
    senders, took = traffic.post(weir.url, key, bodies, given.senders, "application/x-ndjson")
    assert not any(sender.failed for sender in senders), senders
    return given.events / took


def beside(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    posted(weir, key, given, batches(given, seed=1))
    undisturbed = posted(weir, key, given, batches(given, seed=2))
    for seed, rate in enumerate(map(float, given.rates.split(",")), 3):
        bodies = batches(given, seed=seed)
        with paced(weir.url, key, "bench/team-1", rate, given) as asked:
            disturbed = posted(weir, key, given, bodies)
        report(f"beside real traffic, {rate:,.0f} asked a second", asked[0])
        say_cost(disturbed, undisturbed)
    rates: list[float] = []
    bodies = batches(given, seed=99)
    poster = threading.Thread(target=lambda: rates.append(posted(weir, key, given, bodies)))
    poster.start()
    time.sleep(0.5)
    heard: list[Figures] = []
    while poster.is_alive():
        heard.append(
            measure(weir.url, key, "bench/team-1", given.model, connections=given.connections_beside, seconds=2)
        )
    poster.join()
    for figures in heard[:-1] or heard:
        report("beside real traffic, asked as fast as answered", figures)
    say_cost(rates[0], undisturbed)


def say_cost(disturbed: float, undisturbed: float) -> None:
    print(f"  traffic {disturbed:,.0f} events/s beside, {undisturbed:,.0f} without, {disturbed / undisturbed - 1:+.0%}")


@contextmanager
def paced(url: str, key: str, scope: str, rate: float, given: argparse.Namespace) -> Iterator[list[Figures]]:
    """Asks at a rate until the end; the figures are in the list then."""
    words = ["--url", url, "--key", key, "--scope", scope, "--model", given.model, "--rate", str(rate)]
    pacer = subprocess.Popen(
        [sys.executable, "-m", "bench.paced", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures: list[Figures] = []
    try:
        yield figures
        heard = json.loads(pacer.communicate()[0])
    finally:
        pacer.kill()
    print(
        f"  asking took {heard.pop('cpu_share'):.0%} of a core, and was late by {heard.pop('late_p99_ms'):.1f} ms (p99)"
    )
    figures.append(Figures(**heard))


CONSTRAINT = """
INSERT INTO policies_constraint (scope_id, guardrail, version_id, alert_id, step, action, models, owner, reason,
                                 evidence, status, starts_at, expires_at, released_by, release_reason)
SELECT scope.id, 'bench-' || number, held.version_id, held.alert_id, 'stop', 'block', '{}', 'bench', 'bench',
       held.evidence, 'active', now(), now() + interval '1 day', '', ''
  FROM policies_constraint held, generate_series(%(first)s::int, %(last)s::int) number
  JOIN governance_scope scope ON scope.path = %(path)s || CASE WHEN %(spread)s THEN (number %% 50000)::text ELSE '' END
 WHERE held.guardrail = 'bench-0'
"""
RELEASE = """
UPDATE policies_constraint SET status = 'released', released_at = now(), released_by = 'bench', release_reason = 'bench'
 WHERE guardrail = %s
"""


def obeyed(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    asker = Asker(weir.url, key)
    held, free = [], []
    with psycopg.connect(weir.database_url, autocommit=True) as connection:
        for number in range(1000, 1000 + given.changes):
            values = {"first": number, "last": number, "path": "bench/team-2", "spread": False}
            connection.execute(CONSTRAINT, values)
            held.append(until(asker, is_denied=True))
            connection.execute(RELEASE, [f"bench-{number}"])
            free.append(until(asker, is_denied=False))
            time.sleep(0.01)
    for name, took in (("constraint committed, obeyed", held), ("released, free", free)):
        p50, p99, worst = traffic.quantiles(took, 0.5, 0.99, 1.0)
        print(f"{name}: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, worst {worst * 1000:.1f} ms")


def until(asker: Asker, *, is_denied: bool) -> float:
    began = time.perf_counter()
    while asker.denied("bench/team-2") is not is_denied:
        pass
    return time.perf_counter() - began


SCOPES = """
INSERT INTO governance_scope (parent_id, slug, name, path, kind, practice, environment, criticality, labels, currency,
                              is_unattributed, created_at)
SELECT root.id, 'many-' || number, '', '', 'team', 'finops_for_ai', 'prod', 'standard', '{}', '', false, now()
  FROM governance_scope root, generate_series(1, %s) number WHERE root.path = 'bench'
"""


def start(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    with psycopg.connect(weir.database_url, autocommit=True) as connection:
        connection.execute(SCOPES, [given.scopes])
        values = {"first": 10_000, "last": 9_999 + given.constraints, "path": "bench/many-", "spread": True}
        made = connection.execute(CONSTRAINT, values)
        print(f"{given.scopes:,} scopes and {made.rowcount:,} constraints more")
    weir.programs["front"].terminate()
    weir.programs["front"].wait(20)
    began = time.perf_counter()
    weir.start("front")
    until_answered(weir.url, key)
    took = time.perf_counter() - began
    front = psutil.Process(weir.programs["front"].pid)
    time.sleep(3)
    print(f"start: first decision after {took:.2f} s; {front.memory_info().rss / 2**20:,.0f} MB")
    alone(weir, key, given)
    obeyed(weir, key, given)


def until_answered(url: str, key: str) -> None:
    while True:
        try:
            if Asker(url, key).denied("bench/team-0"):
                return
        except OSError:
            pass
        time.sleep(0.01)


STUB = """
import asyncio, sys
class Yes(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Yes, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@contextmanager
def envoy(weir: int, models: int, key: str) -> Iterator[int]:
    """By the recipe's file; its port."""
    own = free_port()
    text = RECIPE.read_text()
    for written, wanted in (("8000", weir), ("4000", models), ("8080", own)):
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{wanted}").replace(
            f"port_value: {written}", f"port_value: {wanted}"
        )
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text.replace("weir_KEY", key).replace("acme/search", "bench/team-1"))
        file.flush()
        words = [str(ENVOY), "-c", file.name, "-l", "error", "--concurrency", "1", "--disable-hot-restart"]
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            until_open(own)
            yield own
        finally:
            process.terminate()
            process.wait(20)


def until_open(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def proxy(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    if not ENVOY.exists():
        print("proxy: there is no Envoy here: make .venv-envoy/.installed")
        return
    stub_port = free_port()
    stub = subprocess.Popen([sys.executable, "-c", STUB, str(stub_port)])
    until_open(stub_port)
    times: dict[str, list[float]] = {"stub": [], "weir": []}
    try:
        with (
            envoy(stub_port, stub_port, key) as by_stub,
            envoy(urlsplit(weir.url).port or 0, stub_port, key) as by_weir,
        ):
            through = {"stub": socket.create_connection(("127.0.0.1", by_stub)),
                       "weir": socket.create_connection(("127.0.0.1", by_weir))}  # fmt: skip
            for number in range(given.calls + 200):
                for name, connection in through.items():
                    began = time.perf_counter()
                    connection.sendall(
                        b"POST /search/x HTTP/1.1\r\nHost: a\r\nContent-Length: 19\r\n\r\n" + b'{"model": "gpt-4o"}'
                    )
                    heard = connection.recv(65536)
                    if number >= 200:
                        times[name].append(time.perf_counter() - began)
                    assert heard.startswith(b"HTTP/1.1 200"), heard
    finally:
        stub.kill()
    of_stub, of_weir = (traffic.quantiles(times[name], 0.5, 0.99) for name in ("stub", "weir"))
    print(
        f"through Envoy: p50 {of_weir[0] * 1000:.2f} ms, beside a stub {of_stub[0] * 1000:.2f} ms: "
        f"{(of_weir[0] - of_stub[0]) * 1000:+.2f} ms; p99 {of_weir[1] * 1000:.2f} and {of_stub[1] * 1000:.2f} ms"
    )


def prepare(given: argparse.Namespace) -> str:
    """The organisation of `bench.traffic`, with one blocked team; returns a key."""
    from bench.organisation import Organisation
    from governance.scopes.models import Scope

    key = traffic.prepare(calls.Shape(given.teams), 1)
    root = Scope.objects.get(path="bench")
    Organisation(root, [], datetime.now(UTC)).block(Scope.objects.get(path="bench/team-0"))
    return key


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--key")
    parser.add_argument("--scope")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--model", default="gpt-4o")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--connections-beside", type=int, default=2)
    parser.add_argument("--rates", default="1000,2000", help="decisions a second asked beside real traffic")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--events", type=int, default=60_000, help="posted beside")
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--constraints", type=int, default=10_000)
    parser.add_argument("--scopes", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=2_000)
    given = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed: apt-get install wrk")
    if given.url:
        asked = (given.url, given.key, given.scope, given.model)
        report("alone", measure(*asked, connections=given.connections, seconds=given.seconds))
        return
    parts = given.parts.split(",")
    with own_weir(workers="beside" in parts) as weir:
        key = prepare(given)
        for name, part in zip(PARTS, (alone, beside, obeyed, start, proxy), strict=True):
            if name in parts:
                part(weir, key, given)


if __name__ == "__main__":
    main()
