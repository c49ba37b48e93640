"""Requests and answers go through the front whole, in their order, and to nobody else."""

from __future__ import annotations

import asyncio
import json
import re
import socket

import psutil
import pytest

from config.front import limits, parsers
from tests.config.front.house import CLOSE, OK, House, Reader, Writer, answering, get, post, read_request, run

pytestmark = pytest.mark.skipif(not parsers.IS_INSTALLED, reason="httptools and uvloop are not installed")

FROM_A_CLIENT = (
    CLOSE, "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-IP: 9.9.9.9", "X-Weir-Decisions: 0.1/10",
    "Keep-Alive: 5", "TE: trailers", "Cookie: a=b; c=d", "X-Own: one", "x-own: two",
)  # fmt: skip


def test_a_request_is_relayed_with_what_concerns_the_web_process_alone() -> None:
    async def test(house: House) -> tuple[bytes, list[bytes]]:
        return await house.say(get("/page?a=b%20c", *FROM_A_CLIENT)), house.asked

    heard, asked = run(answering(OK), test)
    assert heard == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    wanted = (
        b"GET /page?a=b%20c HTTP/1.1\r\nhost: weir\r\ncookie: a=b; c=d\r\nx-own: one\r\nx-own: two\r\n"
        b"x-forwarded-for: 127.0.0.1\r\n\r\n"
    )
    assert asked == [wanted]


def test_a_proxy_before_it_may_say_who_the_client_is() -> None:
    async def test(house: House) -> list[bytes]:
        await house.say(
            get("/", CLOSE, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Weir-Decisions: 1/1")
        )
        return house.asked

    assert run(answering(OK), test, is_behind_proxy=True) == [
        b"GET / HTTP/1.1\r\nhost: weir\r\nx-forwarded-proto: https\r\nx-forwarded-for: 1.2.3.4, 127.0.0.1\r\n\r\n"
    ]


def test_what_a_connection_header_names_goes_no_further() -> None:
    async def test(house: House) -> bytes:
        await house.say(get("/", "Connection: close, X-Secret", "X-Secret: s"))
        return house.asked[0]

    assert b"x-secret" not in run(answering(OK), test)


def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    decision = b"POST /api/v1/decisions HTTP/1.1\r\nHost: weir\r\nContent-Length: 2\r\n\r\n{}"  # answered here, at once

    async def test(house: House) -> bytes:
        return await house.say(get("/1") + decision + get("/2") + decision + get("/3", CLOSE))

    heard = run(answering(OK), test)
    assert re.findall(rb"HTTP/1.1 (\d+)", heard) == [b"200", b"401", b"200", b"401", b"200"]


def test_a_body_in_pieces_is_relayed_in_pieces_both_ways() -> None:
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    async def test(house: House) -> tuple[bytes, bytes]:
        head = b"POST /up HTTP/1.1\r\nHost: weir\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        heard = await house.say(head, b"5;x=y\r\nhello\r\n", b"1\r\n!\r\n0\r\nTrailer: t\r\n\r\n")
        return heard, house.asked[0]

    heard, asked = run(answering(answer), test)
    assert heard.partition(b"\r\n\r\n")[2] == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert asked.partition(b"\r\n\r\n")[2] == b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"


def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    async def test(house: House) -> bytes:
        return await house.say(get(version="1.0"))

    assert run(answering(answer), test) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"


def test_the_answer_to_head_has_a_length_and_no_body() -> None:
    async def script(_house: House, reader: Reader, writer: Writer) -> None:
        while True:
            request = await read_request(reader)
            writer.write(OK if request.startswith(b"GET") else b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n")
            await writer.drain()

    async def test(house: House) -> bytes:
        head = b"HEAD / HTTP/1.1\r\nHost: weir\r\n\r\n"
        return await house.say(head + head + get("/last", CLOSE))

    heard = run(script, test)
    assert heard.count(b"content-length: 20") == 2
    assert heard.endswith(b"\r\n\r\nok")


def test_expect_is_answered_before_the_body_is_sent() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        house.asked.append(head + await reader.readexactly(4))
        writer.write(OK)
        await writer.drain()

    async def test(house: House) -> bytes:
        reader, writer = await house.open()
        writer.write(b"POST / HTTP/1.1\r\nHost: weir\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        return await reader.readuntil(b"ok")

    assert run(script, test).startswith(b"HTTP/1.1 200 OK")


def test_an_answer_before_the_body_has_come_reaches_the_client() -> None:
    async def test(house: House) -> tuple[bytes, list[bytes]]:
        head = b"POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 3000000\r\n\r\n"
        return await house.say(head, *[b"x" * 100_000] * 30), house.asked

    heard, asked = run(answering(OK), test)
    assert (heard.splitlines()[0], b"Connection: close" in heard, asked) == (
        b"HTTP/1.1 413 Request Entity Too Large", True, [],
    )  # fmt: skip


def test_a_large_answer_waits_for_a_slow_client_and_fills_no_memory() -> None:
    size = 30_000_000

    async def script(house: House, reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            writer.write(b"y" * 100_000)
            await writer.drain()
            house.connections += 100_000

    async def test(house: House) -> tuple[int, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1000)
        writer.write(get())
        await asyncio.sleep(0.5)
        written = house.connections
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(size)
        return written, size

    written, size = run(script, test)
    assert written < size // 2


def test_a_large_body_is_kept_out_of_memory_and_waits_for_a_slow_web_process() -> None:
    size = 30_000_000
    process, used = psutil.Process(), []

    async def script(house: House, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        used.append(process.memory_info().rss)
        left = size
        while left:
            data = await reader.read(65536)
            assert data == b"z" * len(data)
            left -= len(data)
        writer.write(OK)
        await writer.drain()

    async def test(house: House) -> bytes:
        reader, writer = await house.open()
        head = (
            b"POST /api/v1/usage HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer weir_a_b\r\nContent-Length: %d\r\n\r\n"
        )
        used.append(process.memory_info().rss)
        writer.write(head % size)
        for _ in range(size // 100_000):
            writer.write(b"z" * 100_000)
            await writer.drain()
        return await reader.readuntil(b"ok")

    assert run(script, test).startswith(b"HTTP/1.1 200 OK")
    assert used[1] - used[0] < size // 2


def test_a_client_that_goes_is_not_answered_and_its_connection_to_the_web_process_is_closed() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        house.asked.append(b"begun")
        assert await reader.read(1) == b""
        house.gone += 1

    async def test(house: House) -> int:
        _reader, writer = await house.open()
        writer.write(get())
        await asyncio.sleep(0.1)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        return house.gone

    assert run(script, test) == 1


def test_without_a_web_process_the_answer_says_so_in_every_routes_form() -> None:
    async def test(house: House) -> bytes:
        await house.stop_web()
        return await house.say(get("/api/v1/usage?x=1", CLOSE))

    head, _, body = run(answering(OK), test).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 2\r\n" in head
    assert json.loads(body) == {
        "type": "about:blank", "title": "Unavailable", "status": 503, "code": "web_unavailable",
        "detail": "Weir's web process does not answer just now. Try again shortly.", "instance": "/api/v1/usage",
    }  # fmt: skip


def test_a_connection_that_the_web_process_closed_while_idle_costs_a_reader_nothing() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        house.asked.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()
        if house.connections == 1:
            await read_request(reader)  # the next is read and not answered, as by a process that is being stopped

    async def test(house: House) -> bytes:
        await house.say(get("/1"), until=b"ok")
        return await house.say(get("/2", CLOSE))

    assert run(script, test).startswith(b"HTTP/1.1 200 OK")


def test_a_post_that_may_have_been_done_is_not_done_again() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        house.asked.append(await read_request(reader))
        if len(house.asked) == 1:
            writer.write(OK)
            await writer.drain()
            house.asked.append(await read_request(reader))

    async def test(house: House) -> tuple[bytes, int]:
        await house.say(get("/1"), until=b"ok")
        return await house.say(post("Content-Length: 1", CLOSE, body="x")), len(house.asked)

    heard, asked = run(script, test)
    assert (heard[:12], asked) == (b"HTTP/1.1 503", 2)


def test_an_answer_that_breaks_off_is_seen_to_be_broken() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await writer.drain()

    async def test(house: House) -> bytes:
        return await house.say(get())

    heard = run(script, test)
    assert heard.partition(b"\r\n\r\n")[2] == b"3\r\nabc\r\n"  # and no last piece


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(post("Content-Length: 3", "Transfer-Encoding: chunked", body="0\r\n\r\n"), id="two lengths"),
        pytest.param(post("Content-Length: 3", "Content-Length: 4", body="abc"), id="another length"),
        pytest.param(post("Content-Length: -1"), id="a length below nothing"),
        pytest.param(post("Transfer-Encoding: xchunked", body="0\r\n\r\n"), id="an encoding nobody knows"),
        pytest.param(post("Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), id="a packed body in pieces"),
        pytest.param(post("Transfer-Encoding : chunked", body="0\r\n\r\n"), id="a blank before the colon"),
        pytest.param(post("X: 1", " folded: 2"), id="a folded line"),
        pytest.param(post("X: a\x00b"), id="nul"),
        pytest.param(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", id="a version there is not"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
    ],
)
def test_what_two_readers_could_read_differently_reaches_nobody(request_bytes: bytes) -> None:
    async def test(house: House) -> tuple[bytes, list[bytes]]:
        heard = await house.say(request_bytes + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", until=b"}")
        return heard, [request for request in house.asked if b"/smuggled" in request]

    heard, smuggled = run(answering(OK), test)
    assert (heard[:12], smuggled) == (b"HTTP/1.1 400", [])


def test_heads_are_bounded() -> None:
    async def test(house: House) -> list[bytes]:
        many = [f"X-{number}: {'v' * 1000}" for number in range(70)]
        return [
            (await house.say(get("/", *many), until=b"}"))[:12],
            (await house.say(get("/", "X-One: " + "v" * 100_000), until=b"}"))[:12],
            (await house.say(get("/" + "p" * 20_000), until=b"}"))[:12],
        ]

    assert run(answering(OK), test) == [b"HTTP/1.1 431"] * 3


@pytest.mark.parametrize(
    ("said", "after_s", "heard"),
    [
        pytest.param(b"GET / HT", limits.HEAD_S + 1, b"HTTP/1.1 408", id="a head that does not end"),
        pytest.param(b"", limits.IDLE_S + 1, b"", id="nothing"),
        pytest.param(get() , limits.ANSWER_S + 1, b"", id="an answer that does not come"),
        pytest.param(post("Content-Length: 9", body="abc"), limits.BODY_S + 1, b"", id="a body that stops"),
    ],
)  # fmt: skip
def test_what_takes_too_long_is_ended(said: bytes, after_s: float, heard: bytes) -> None:
    async def never(house: House, reader: Reader, _writer: Writer) -> None:
        await reader.read(10_000)
        await asyncio.sleep(10)

    async def test(house: House) -> bytes:
        reader, writer = await house.open()
        writer.write(said)
        await asyncio.sleep(0.1)
        for client in tuple(house.front.clients):
            client.sweep(house.front.now())
        await asyncio.sleep(0.05)
        assert house.front.clients
        house.clock[0] = after_s
        for _ in range(2):
            for client in tuple(house.front.clients):
                client.sweep(house.front.now())
            house.clock[0] += limits.LINGER_S + 1
        try:
            return (await asyncio.wait_for(reader.read(), 2))[:12]
        except ConnectionResetError:
            return b""

    assert run(never, test) == heard


def test_stopping_lets_what_is_being_answered_end() -> None:
    async def script(_house: House, reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        await asyncio.sleep(0.3)
        writer.write(OK)
        await writer.drain()

    async def test(house: House) -> tuple[bytes, bytes]:
        busy, idle = await house.open(), await house.open()
        busy[1].write(get())
        await asyncio.sleep(0.05)
        await house.front.stop()
        return await busy[0].read(), await idle[0].read()

    heard, idle = run(script, test)
    assert (heard.endswith(b"ok"), idle) == (True, b"")


def test_another_protocol_is_answered_as_if_it_was_not_asked_for() -> None:
    async def test(house: House) -> tuple[bytes, bytes]:
        heard = await house.say(get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM"))
        return heard, house.asked[0]

    heard, asked = run(answering(OK), test)
    assert heard == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    assert b"upgrade" not in asked.lower()


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.front.serving.CONNECTIONS_MAX", 2)

    async def test(house: House) -> bytes:
        kept = [await house.open() for _ in range(2)]
        for _reader, writer in kept:
            writer.write(get())
        await asyncio.sleep(0.05)
        reader, _writer = await house.open()
        heard = await reader.read(12)
        for _reader, writer in kept:
            writer.close()
        return heard

    async def never(_house: House, reader: Reader, _writer: Writer) -> None:
        await reader.read(10_000)
        await asyncio.sleep(1)

    assert run(never, test) == b"HTTP/1.1 503"


def test_readyz_learns_how_old_the_snapshot_is() -> None:
    async def test(house: House) -> list[bytes]:
        await house.say(get("/readyz", CLOSE, "X-Weir-Decisions: 0.0/10"))
        house.front.decisions.snapshot.read_at = asyncio.get_running_loop().time() - 20
        await house.say(get("/readyz", CLOSE))
        return [re.findall(rb"x-weir-decisions: (.*)\r\n", asked)[0] for asked in house.asked]

    assert run(answering(OK), test) == [b"/10", b"20.0/10"]


def test_a_port_is_freed_at_once() -> None:
    async def test(house: House) -> int:
        return house.port

    port = run(answering(OK), test)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
