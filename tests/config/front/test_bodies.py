"""A body that the front cannot hold, since the disk of temporary files is full."""

import json
import re
from pathlib import Path
from typing import IO, Any

import pytest

from config.front import bodies, parsers
from config.front.heads import chunk
from tests.config.front.house import CLOSE, OK, House, answering, get, run

pytestmark = pytest.mark.skipif(not parsers.IS_INSTALLED, reason="httptools and uvloop are not installed")
FULL = Path("/dev/full")
IN_MEMORY = 1_000


def whole(body: bytes) -> bytes:
    return b"POST /up HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes) -> bytes:
    return b"POST /up HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + b"0\r\n\r\n"


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("write", [whole, in_chunks])
@pytest.mark.parametrize("length", [IN_MEMORY + 1, 50 * IN_MEMORY])  # less than is written at once, and more
def test_it_is_asked_for_again_and_others_are_answered(
    write: Any, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[IO[bytes]] = []

    def open_full() -> IO[bytes]:
        opened.append(FULL.open("w+b"))
        return opened[-1]

    async def test(house: House) -> tuple[bytes, bytes, list[bytes]]:
        return await house.say(write(b"x" * length), until=b"}"), await house.say(get("/page", CLOSE)), house.asked

    monkeypatch.setattr(bodies, "BODY_BYTES_IN_MEMORY", IN_MEMORY)
    monkeypatch.setattr(bodies.tempfile, "TemporaryFile", open_full)
    refused, answered, asked = run(answering(OK), test)
    head, _, problem = refused.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1.1 503 .*\r\nretry-after: \d+\r\n", head, re.DOTALL | re.IGNORECASE), refused
    assert json.loads(problem)["code"] == "disk_full"
    assert (answered[9:12], [each.split()[1] for each in asked]) == (b"200", [b"/page"])
    assert [file.closed for file in opened] == [True]
