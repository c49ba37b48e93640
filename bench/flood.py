"""What one organisation notices while another, and nobody in particular, does everything at once that has stopped Weir.

    python -m bench.flood [--seconds 60] [--quiet-seconds 20]

On a Weir of its own. 16 bodies that do not end, 1,200 connections that say nothing, 12 guessers of passwords, 8 greedy
senders (four of batches, four of decisions, many at once) and one who sends 32 MiB of empty gzip members, again and
again, from a process of their own. Meanwhile the other organisation asks for decisions, posts usage and spends its
budgets, of which its webhook must hear. At the end quiet and flooded stand side by side.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.latency import Slack

UNFINISHED, SILENT, GUESSERS, GREEDY = 16, 1_200, 12, 8
HOSTILE_BYTES = 32 * 1024 * 1024
FILES = 4_096
ALERT_EVERY_S = 3.0
PATIENCE_S = 30.0


# --- the flood ---------------------------------------------------------------------------------------------------


@dataclass
class Flood:
    """The callers who mean harm or do not care, and what they are answered."""

    host: str
    port: int
    key: str
    until: float
    answers: Counter[str] = field(default_factory=Counter)

    async def run(self) -> Counter[str]:
        """Until the time is over."""
        packed = gzip.compress(b"") * (HOSTILE_BYTES // len(gzip.compress(b"")))
        kinds: list[tuple[str, int, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("unfinished", UNFINISHED, self.unfinished),
            ("silent", SILENT, self.silent),
            ("guessed", GUESSERS, self.guess),
            ("batches", GREEDY // 2, self.batches),
            ("decisions", GREEDY // 2, self.decisions),
            ("hostile gzip", 1, lambda: self.hostile(packed)),
        ]
        await asyncio.gather(*(self.again(name, what) for name, count, what in kinds for _ in range(count)))
        return self.answers

    async def again(self, name: str, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while (left_s := self.until - time.time()) > 0:
            try:
                await asyncio.wait_for(what(), left_s)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                self.answers[f"{name}: closed"] += 1
                await asyncio.sleep(0.2)
            except TimeoutError:
                return

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, limit=2**22)

    def head(self, path: str, length: int, *headers: str, key: bool = True) -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {length}", *headers]
        lines += [f"Authorization: Bearer {self.key}", "Content-Type: application/json"] if key else []
        return "\r\n".join((*lines, "", "")).encode()

    async def answer(self, name: str, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        self.answers[f"{name}: {head[9:12].decode()}"] += 1
        return head + (await reader.readexactly(int(length[1])) if length else b"")

    async def unfinished(self) -> None:
        reader, writer = await self.open()
        try:
            writer.write(self.head("/api/v1/outcomes", 1_000_000) + b"[")
            await reader.read()
        finally:
            writer.close()
        raise ConnectionResetError

    async def silent(self) -> None:
        reader, writer = await self.open()
        try:
            await reader.read()
        finally:
            writer.close()
        raise ConnectionResetError

    async def guess(self) -> None:
        reader, writer = await self.open()
        try:
            writer.write(f"GET /admin/login/ HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
            page = await self.answer("sign-in page", reader)
            token, cookie = (
                re.search(rb'csrfmiddlewaretoken" value="(\w+)"', page),
                re.search(rb"csrftoken=(\w+)", page),
            )
            if token is None or cookie is None:
                await asyncio.sleep(0.05)
                return
            form = {
                "csrfmiddlewaretoken": token[1].decode(),
                "username": "finance@globex.example",
                "password": uuid.uuid4(),
            }
            body = urlencode(form).encode()
            headers = (f"Cookie: csrftoken={cookie[1].decode()}", "Content-Type: application/x-www-form-urlencoded")
            writer.write(self.head("/admin/login/", len(body), *headers, key=False) + body)
            await self.answer("guessed", reader)
        finally:
            writer.close()

    async def batches(self) -> None:
        reader, writer = await self.open()
        try:
            while True:
                now = datetime.now(UTC).isoformat()
                events = [
                    {"id": str(uuid.uuid4()), "source": "flood", "occurred_at": now, "scope": "acme/team-0",
                     "provider": "openai", "model": "gpt-4o", "tokens": {"input": 1000, "output": 100}}
                    for _ in range(500)
                ]  # fmt: skip
                body = json.dumps(events).encode()
                writer.write(self.head("/api/v1/usage", len(body)) + body)
                await self.answer("batches", reader)
        finally:
            writer.close()

    async def decisions(self) -> None:
        reader, writer = await self.open()
        body = b'{"scope": "acme/team-0", "model": "gpt-4o"}'
        try:
            while True:
                writer.write((self.head("/api/v1/decisions", len(body)) + body) * 100)
                for _ in range(100):
                    await self.answer("decisions", reader)
        finally:
            writer.close()

    async def hostile(self, packed: bytes) -> None:
        reader, writer = await self.open()
        try:
            writer.write(self.head("/api/v1/usage/litellm", len(packed), "Content-Encoding: gzip") + packed)
            await self.answer("hostile gzip", reader)
        finally:
            writer.close()


# --- the other organisation ----------------------------------------------------------------------------------------


@dataclass
class Other:
    """What it measures, each in seconds; what was refused is in ``faults``."""

    url: str
    key: str
    teams: list[str]
    slack: Slack
    decided: list[float] = field(default_factory=list)
    posted: list[float] = field(default_factory=list)
    alerted: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def live(self, seconds: float) -> None:
        """All three at once, for so long."""
        until = time.perf_counter() + seconds
        works = [
            threading.Thread(target=self._again, args=(until, every_s, work))
            for every_s, work in ((0.02, self._decide), (0.1, self._post), (ALERT_EVERY_S, self._overspend))
        ]
        for work in works:
            work.start()
        for work in works:
            work.join()

    def _again(self, until: float, every_s: float, work: Callable[[HTTPConnection], None]) -> None:
        parts = urlsplit(self.url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        while (began := time.perf_counter()) < until:
            try:
                work(connection)
            except (OSError, HTTPException) as problem:
                self.faults.append(f"{work.__name__}: {type(problem).__name__}")
                connection.close()
            time.sleep(max(0.0, every_s - (time.perf_counter() - began)))

    def _ask(self, connection: HTTPConnection, path: str, body: Any) -> tuple[float, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        began = time.perf_counter()
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        content, took_s = answer.read(), time.perf_counter() - began
        if answer.status != 200:
            self.faults.append(f"{path}: {answer.status}")
            return took_s, {}
        return took_s, json.loads(content)

    def _decide(self, connection: HTTPConnection) -> None:
        took_s, _ = self._ask(connection, "/api/v1/decisions", {"scope": self.teams[-1], "model": "gpt-4o"})
        self.decided.append(took_s)

    def _post(self, connection: HTTPConnection, scope: str = "", cost: str = "0.001") -> None:
        event = {
            "id": str(uuid.uuid4()), "source": "other", "occurred_at": datetime.now(UTC).isoformat(),
            "scope": scope or self.teams[-1], "provider": "openai", "model": "gpt-4o",
            "tokens": {"input": 1000, "output": 100}, "cost": cost,
        }  # fmt: skip
        took_s, answer = self._ask(connection, "/api/v1/usage", [event])
        self.posted.append(took_s)
        if answer.get("accepted") != 1:
            self.faults.append(f"usage: {answer}")

    def _overspend(self, connection: HTTPConnection) -> None:
        if len(self.teams) < 2:
            return
        team = self.teams.pop(0)
        began = time.perf_counter()
        self._post(connection, team, "1000")
        while team not in self.slack.arrived:
            if time.perf_counter() - began > PATIENCE_S:
                self.faults.append(f"no word of {team} within {PATIENCE_S:.0f} s")
                return
            time.sleep(0.005)
        self.alerted.append(self.slack.arrived[team] - began)

    def measured(self) -> dict[str, list[float]]:
        """By what was done, how long each took."""
        return {"decisions": self.decided, "usage": self.posted, "alerts": self.alerted}

    def report(self, name: str) -> None:
        for what, seconds in self.measured().items():
            said = ", ".join(f"{figure} {took_s * 1000:.0f} ms" for figure, took_s in figures(seconds).items())
            print(f"{name}, {what}: {len(seconds)}, {said}")
        print(f"{name}, not answered with 200 or not accepted: {dict(Counter(self.faults))}", flush=True)


def figures(seconds: list[float]) -> dict[str, float]:
    """Of what was measured; not a number where nothing was."""
    ordered = sorted(seconds) or [float("nan")]
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50": p50, "p99": p99, "worst": ordered[-1]}


def compare(quiet: Other, flooded: Other) -> None:
    """Prints quiet and flooded side by side, and how many times as long the flooded took."""
    print(f"{'':<16}{'quiet':>10}{'flooded':>10}{'ratio':>8}")
    before, after = quiet.measured(), flooded.measured()
    for what in before:
        now = figures(after[what])
        for figure, was_s in figures(before[what]).items():
            times = f"{now[figure] / was_s:.1f}×"
            print(f"{f'{what} {figure}':<16}{was_s * 1000:>7.1f} ms{now[figure] * 1000:>7.1f} ms{times:>8}")


def prepare(url: str, alerts: int) -> tuple[str, Other]:
    """The key of the organisation that floods, and the other one."""
    from django.utils import timezone

    from bench.latency import prepare as prepare_alerts
    from bench.organisation import Organisation

    slack = Slack(0)
    key, teams = prepare_alerts(alerts + 1, slack.start())
    acme = Organisation.create(teams=1, at=timezone.now(), slug="acme")
    return acme.key("usage:write", "decisions:read"), Other(url, key, teams, slack)


def flood(url: str, key: str, seconds: float) -> subprocess.Popen[str]:
    """The flood, as a process of its own that prints what it was answered."""
    words = [sys.executable, "-m", "bench.flood", "--flood", url, "--key", key, "--seconds", str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--quiet-seconds", type=float, default=20)
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.flood:
        # A connection is a file, of which a shell often allows 1,024.
        _allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (FILES if most == resource.RLIM_INFINITY else min(FILES, most), most)
        )
        parts = urlsplit(given.flood)
        answers = asyncio.run(
            Flood(parts.hostname or "", parts.port or 80, given.key, time.time() + given.seconds).run()
        )
        print(json.dumps(dict(sorted(answers.items()))))
        return
    from bench.own_weir import own_weir

    os.environ["WEIR_ALLOW_LOOPBACK_WEBHOOKS"] = "true"
    with own_weir(workers=True) as weir:
        key, other = prepare(weir.url, int((given.seconds + given.quiet_seconds) / ALERT_EVERY_S) + 4)
        other.live(given.quiet_seconds)
        other.report("quiet")
        flooded = Other(other.url, other.key, other.teams, other.slack)
        attack = flood(weir.url, key, given.seconds + 3)
        time.sleep(2)
        flooded.live(given.seconds)
        flooded.report("flood")
        said, _ = attack.communicate(timeout=60)
        print(f"the flood was answered: {said.strip()}")
        compare(other, flooded)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
