"""Questions at a stated rate, whether or not those before are answered; each waits from the instant it was planned for.

    python -m bench.paced --url U --key K --scope acme/search --rate 1000 [--connections 8]

A program of its own, so that what it costs is not taken for Weir's: it prints its own CPU, and by how much it was late
itself. It asks until its standard input ends, then prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(eq=False)
class Connection:
    """One question at a time; ``planned_s`` is that of the one that is asked."""

    socket: socket.socket
    planned_s: float = 0.0
    heard: bytes = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def answered(self) -> bool | None:
        """Whether the answer was 200; None while it is not whole. OSError when the connection ends."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError
        self.heard += piece
        head, end, body = self.heard.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return None
        self.heard = b""
        return head.startswith(b"HTTP/1.1 200")


@dataclass
class Pacer:
    """Seconds of `time.perf_counter`. ``waits_s`` are from the planned instant to the whole answer, ``late_s`` from the
    planned instant until this program came to it.
    """

    idle: deque[Connection]
    question: bytes
    rate: float
    waits_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    errors: int = 0

    def run(self) -> float:
        """Until standard input ends; how long that was."""
        began = time.perf_counter()
        asked: set[Connection] = set()
        waiting: deque[float] = deque()
        planned = 0
        while True:
            now = time.perf_counter()
            while began + planned / self.rate <= now:
                at = began + planned / self.rate
                waiting.append(at)
                self.late_s.append(now - at)
                planned += 1
            while waiting and self.idle:
                connection = self.idle.popleft()
                connection.planned_s = waiting.popleft()
                connection.socket.sendall(self.question)
                asked.add(connection)
            until_next = max(0.0, began + planned / self.rate - time.perf_counter())
            for ready in select.select([sys.stdin, *asked], [], [], until_next)[0]:
                if ready is sys.stdin:
                    return time.perf_counter() - began
                if (is_good := ready.answered()) is not None:
                    self.waits_s.append(time.perf_counter() - ready.planned_s)
                    self.errors += not is_good
                    asked.remove(ready)
                    self.idle.append(ready)


def quantile_ms(seconds: list[float], quantile: float) -> float:
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(len(ordered) * quantile) - 1)] * 1000 if ordered else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--scope", required=True)
    parser.add_argument("--model", default="gpt-4o")
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    parts = urlsplit(given.url)
    body = json.dumps({"scope": given.scope, "model": given.model, "operation": "chat"})
    question = (
        f"POST /api/v1/decisions HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {given.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    connections: deque[Connection] = deque()
    for _ in range(given.connections):
        one = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(Connection(one))
    pacer = Pacer(connections, question.encode(), given.rate)
    took, used = pacer.run(), time.process_time()
    print(
        json.dumps(
            {
                "requests_per_s": len(pacer.waits_s) / took,
                "p50_ms": quantile_ms(pacer.waits_s, 0.5),
                "p99_ms": quantile_ms(pacer.waits_s, 0.99),
                "errors": pacer.errors,
                "late_p99_ms": quantile_ms(pacer.late_s, 0.99),
                "cpu_share": used / took,
            }
        )
    )


if __name__ == "__main__":
    main()
