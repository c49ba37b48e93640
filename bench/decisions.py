"""Requests per second and latency of POST /api/v1/decisions.

    python -m bench.decisions                         # own scratch database and granian with two workers
    python -m bench.decisions --url U --key K --scope acme/search   # a Weir that already runs

The load comes from wrk when it is installed, otherwise from an asyncio client, which takes more of the processor.
Target on two cores, load generator included: 1,500 requests/s, p99 25 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Figures:
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    client: str


def body_of(scope: str, model: str) -> str:
    return json.dumps({"scope": scope, "model": model, "operation": "chat"})


def with_wrk(url: str, key: str, body: str, *, connections: int, seconds: int) -> Figures:
    script = (
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(body)}\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {key}"\n'
    )
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
    return Figures(float(rate[1]), quantile("50"), quantile("99"), errors, "wrk")


async def _client(host: str, port: int, request: bytes, until: float, latencies: list[float], bad: list[int]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length:
            await reader.readexactly(int(length[1]))
        latencies.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 200"):
            bad.append(1)
    writer.close()


async def with_asyncio(url: str, key: str, body: str, *, connections: int, seconds: int) -> Figures:
    parts = urlsplit(url)
    assert parts.hostname
    request = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    latencies: list[float] = []
    bad: list[int] = []
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _client(parts.hostname, parts.port or 80, request, began + seconds, latencies, bad)
            for _ in range(connections)
        )
    )
    took = time.perf_counter() - began
    latencies.sort()
    return Figures(
        len(latencies) / took,
        latencies[len(latencies) // 2] * 1000,
        latencies[int(len(latencies) * 0.99)] * 1000,
        len(bad),
        "asyncio",
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(*, workers: int, threads: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--workers",
        str(workers),
        "--blocking-threads",
        str(threads),
        "--no-access-log",
        "--log-level",
        "error",
    ]
    process = subprocess.Popen([*command, "config.wsgi:application"], cwd=ROOT, env=os.environ.copy())
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def measure(url: str, key: str, scope: str, model: str, *, connections: int, seconds: int) -> Figures:
    address, body = f"{url}/api/v1/decisions", body_of(scope, model)
    if shutil.which("wrk"):
        return with_wrk(address, key, body, connections=connections, seconds=seconds)
    return asyncio.run(with_asyncio(address, key, body, connections=connections, seconds=seconds))


def report(name: str, figures: Figures) -> None:
    print(
        f"{name}: {figures.requests_per_s:,.0f} requests/s, p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms, "
        f"{figures.errors} errors ({figures.client})"
    )


def prepare() -> tuple[str, str, str]:
    """Make a small organisation with one blocked team; returns a key, a free scope and the blocked scope."""
    from django.utils import timezone

    from bench.organisation import Organisation

    made = Organisation.create(teams=20, at=timezone.now())
    made.block(made.teams[0])
    return made.key("decisions:read"), made.teams[1].path, made.teams[0].path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--key")
    parser.add_argument("--scope")
    parser.add_argument("--model", default="gpt-4o")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.url:
        figures = measure(
            given.url, given.key, given.scope, given.model, connections=given.connections, seconds=given.seconds
        )
        report("decisions", figures)
        return
    from bench.scratch import scratch_database

    with scratch_database():
        key, free, blocked = prepare()
        with granian(workers=given.workers, threads=given.threads) as url:
            for name, scope in (("allow", free), ("deny", blocked)):
                measure(url, key, scope, given.model, connections=given.connections, seconds=2)
                figures = measure(url, key, scope, given.model, connections=given.connections, seconds=given.seconds)
                report(name, figures)


if __name__ == "__main__":
    main()
