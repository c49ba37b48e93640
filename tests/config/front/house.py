"""A front with a scripted web process behind it."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from config.front.callers import Limits
from config.front.clients import Client
from config.front.serving import Decisions, Front
from config.front.web import Web
from policies.decisions.engine.deciding import Trust
from policies.decisions.engine.snapshot import Snapshot

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
LIMITS = Limits()
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class House:
    """A front and, behind it, a web process whose every word is scripted. ``asked`` is what the web process read."""

    front: Front
    port: int
    path: str
    clock: list[float]
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    gone: int = 0
    server: asyncio.Server | None = None
    script: Callable[[House, Reader, Writer], Awaitable[None]] | None = None

    async def open(self) -> tuple[Reader, Writer]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)

    async def say(self, *pieces: bytes, until: bytes | None = None) -> bytes:
        """What one connection is answered: until it closes, or until the text has come."""
        reader, writer = await self.open()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        heard = b""
        while until is None or until not in heard:
            data = await asyncio.wait_for(reader.read(65536), 5)
            if not data:
                break
            heard += data
        writer.close()
        return heard

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        assert self.script is not None
        try:
            await self.script(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone += 1
        writer.close()

    async def start_web(self) -> None:
        self.server = await asyncio.start_unix_server(self.serve, self.path)

    async def stop_web(self) -> None:
        assert self.server is not None
        self.server.close()
        self.front.web = Web(f"{self.path}.none")


def post(*headers: str, body: str = "") -> bytes:
    return "\r\n".join(("POST / HTTP/1.1", "Host: a", *headers, "", body)).encode("latin-1")


async def read_request(reader: Reader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if length:
        return head + await reader.readexactly(int(length[1]))
    if b"transfer-encoding: chunked" in head:
        return head + await reader.readuntil(b"0\r\n\r\n")
    return head


def answering(*answers: bytes) -> Callable[[House, Reader, Writer], Awaitable[None]]:
    """The same answers on every connection, the last one again and again."""

    async def script(house: House, reader: Reader, writer: Writer) -> None:
        number = 0
        while True:
            house.asked.append(await read_request(reader))
            writer.write(answers[min(number, len(answers) - 1)])
            await writer.drain()
            number += 1

    return script


def run(
    script: Callable[[House, Reader, Writer], Awaitable[None]],
    test: Callable[[House], Awaitable[Any]],
    *,
    is_behind_proxy: bool = False,
    snapshot: Snapshot | None = None,
    limits: Limits = LIMITS,
) -> Any:
    async def body(folder: str) -> Any:
        loop, clock = asyncio.get_running_loop(), [0.0]
        path = f"{folder}/web.sock"
        front = Front(
            Decisions(snapshot or Snapshot(), Trust()),
            Web(path),
            is_behind_proxy=is_behind_proxy,
            now=lambda: loop.time() + clock[0],
            limits=limits,
        )
        server = await loop.create_server(lambda: Client(front), "127.0.0.1", 0)
        house = House(front, server.sockets[0].getsockname()[1], path, clock, script=script)
        await house.start_web()
        try:
            return await test(house)
        finally:
            server.close()
            house.front.is_stopping = True

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(body(folder))


def get(path: str = "/page", *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join((f"GET {path} HTTP/{version}", "Host: weir", *headers, "", "")).encode()


CLOSE = "Connection: close"
