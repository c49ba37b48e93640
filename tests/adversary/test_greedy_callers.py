"""Callers who send slowly, read slowly, say nothing, or ask too much, at the front: nobody else waits for them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from typing import Any

import pytest

from config.front import limits, parsers
from config.front.callers import Limits
from config.front.rates import Rate, Shares
from config.front.turns import Turns
from policies.decisions.engine.snapshot import KeyLine, ScopeLine, Snapshot
from tests.config.front.house import CLOSE, OK, House, Reader, Writer, answering, get, read_request, run

pytestmark = [
    pytest.mark.adversary("greedy callers"),
    pytest.mark.skipif(not parsers.IS_INSTALLED, reason="httptools and uvloop are not installed"),
]

OUR_KEY, THEIR_KEY = "weir_aaaaaaaaaa_secret", "weir_bbbbbbbbbb_secret"


def key_line(number: int, key: str) -> KeyLine:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return KeyLine(number, key.split("_")[1], digest, number, True, None, None, None)


def known(*keys: str) -> Snapshot:
    """Two organisations, each with its key."""
    snapshot = Snapshot(read_at=time.monotonic())
    snapshot.put_scopes([ScopeLine(1, None, "acme", ""), ScopeLine(2, None, "globex", "")])
    numbers = {OUR_KEY: 1, THEIR_KEY: 2}
    snapshot.put_keys([key_line(numbers[key], key) for key in keys])
    return snapshot


def post(
    key: str = "", *headers: str, body: bytes = b"", length: int | None = None, path: str = "/api/v1/outcomes"
) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: weir",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return "\r\n".join((*lines, "", "")).encode() + body


def status_and_code(heard: bytes) -> tuple[int, str]:
    head, _, body = heard.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"] if body.startswith(b"{") else ""


# --- key before body ---------------------------------------------------------------------------------------------


def test_a_missing_key_is_refused_before_the_body_is_sent() -> None:
    async def test(house: House) -> tuple[bytes, int]:
        return await house.say(post(length=5_000_000), until=b"}"), house.connections

    heard, connections = run(answering(OK), test, snapshot=known(OUR_KEY))
    assert (status_and_code(heard), connections) == ((401, "not_authenticated"), 0)
    assert b'WWW-Authenticate: Bearer realm="weir"' in heard


def test_an_unknown_key_is_refused_before_the_body_is_sent_once_the_keys_were_read_again() -> None:
    snapshot = known(OUR_KEY)

    async def test(house: House) -> tuple[bytes, bytes, int]:
        reader, writer = await house.open()
        writer.write(post(THEIR_KEY, length=5_000_000))
        await asyncio.sleep(0.2)
        before = bytes(reader._buffer)  # type: ignore[attr-defined]
        snapshot.read_at = time.monotonic()
        return before, await reader.readuntil(b"}"), house.connections

    before, heard, connections = run(answering(OK), test, snapshot=snapshot)
    assert (before, status_and_code(heard), connections) == (b"", (401, "key_invalid"), 0)


def test_a_key_that_was_made_just_now_is_waited_for() -> None:
    snapshot = known(OUR_KEY)

    async def test(house: House) -> bytes:
        reader, writer = await house.open()
        writer.write(post(THEIR_KEY, body=b"[1]"))
        await asyncio.sleep(0.1)
        snapshot.put_keys([key_line(2, THEIR_KEY)])
        return await reader.readuntil(b"ok")

    assert run(answering(OK), test, snapshot=snapshot).startswith(b"HTTP/1.1 200 OK")


def test_while_the_keys_are_not_known_the_web_process_tells() -> None:
    async def test(house: House) -> bytes:
        return await house.say(post(THEIR_KEY, CLOSE, body=b"[1]"))

    assert run(answering(OK), test).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("path", "length", "headers"),
    [
        pytest.param("/api/v1/usage", 32 * 1024 * 1024 + 1, (), id="usage"),
        pytest.param("/api/v1/budgets", 1024 * 1024 + 1, (), id="a command"),
        pytest.param("/admin/login/", 64 * 1024 + 1, (), id="a stranger's form"),
        pytest.param("/admin/", 32 * 1024 * 1024 + 1, ("Cookie: sessionid=a",), id="a form"),
    ],
)
def test_a_body_that_says_it_is_too_large_is_not_read(path: str, length: int, headers: tuple[str, ...]) -> None:
    async def test(house: House) -> bytes:
        return await house.say(post(OUR_KEY, *headers, length=length, path=path), until=b"}")

    assert status_and_code(run(answering(OK), test, snapshot=known(OUR_KEY))) == (413, "body_too_large")


def test_a_body_that_does_not_say_how_long_it_is_is_read_up_to_the_limit() -> None:
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: weir\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def test(house: House) -> tuple[bytes, int]:
        return await house.say(head, *[b"%x\r\n%b\r\n" % (50_000, b"x" * 50_000)] * 4, until=b"}"), house.connections

    heard, connections = run(answering(OK), test, snapshot=known(OUR_KEY))
    assert (status_and_code(heard), connections) == ((413, "body_too_large"), 0)


# --- slow senders, silent connections, slow readers ------------------------------------------------------------------


def test_unfinished_bodies_cost_no_web_process_anything() -> None:
    async def test(house: House) -> tuple[int, bytes]:
        kept = []
        for number in range(100):
            reader, writer = await house.open()
            writer.write(post(OUR_KEY, length=100_000) + b"x" * 10 * number)
            kept.append((reader, writer))
        await asyncio.sleep(0.1)
        return house.connections, await house.say(get("/other", CLOSE))

    connections, heard = run(answering(OK), test, snapshot=known(OUR_KEY))
    assert (connections, heard[:15]) == (0, b"HTTP/1.1 200 OK")


def test_a_body_that_drips_is_ended() -> None:
    async def test(house: House) -> list[int]:
        _reader, writer = await house.open()
        writer.write(post(OUR_KEY, length=100_000))
        await asyncio.sleep(0.05)
        left = []
        for _ in range(4):
            house.clock[0] += limits.BODY_S / 2
            writer.write(b"x")
            await asyncio.sleep(0.05)
            for client in tuple(house.front.clients):
                client.sweep(house.front.now())
            await asyncio.sleep(0.05)
            left.append(len(house.front.clients))
        return left

    assert run(answering(OK), test, snapshot=known(OUR_KEY)) == [1, 0, 0, 0]


def test_silent_connections_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.front.serving.CONNECTIONS_MAX", 100)
    monkeypatch.setattr("config.front.serving.MAKE_ROOM", 5)

    async def slowly(house: House, reader: Reader, writer: Writer) -> None:
        await read_request(reader)
        await asyncio.sleep(1)
        writer.write(OK)
        await writer.drain()

    async def test(house: House) -> tuple[list[bytes], int]:
        served = asyncio.create_task(house.say(get("/slow", CLOSE)))
        kept = [await house.open() for _ in range(300)]
        kept[-1][1].write(b"GET / HT")
        heard = await asyncio.gather(*(house.say(get("/other", CLOSE)) for _ in range(10)))
        return [await served, *heard], len(house.front.clients)

    heard, clients = run(slowly, test)
    assert ({answer[:15] for answer in heard}, clients <= 100) == ({b"HTTP/1.1 200 OK"}, True)


def test_readers_that_are_slow_hold_few_web_processes() -> None:
    size = 20_000_000
    waiting: set[int] = set()

    async def script(house: House, reader: Reader, writer: Writer) -> None:
        number = house.connections
        request = await read_request(reader)
        waiting.add(number)
        try:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (size if b"/large" in request else 2))
            for _ in range(size // 100_000 if b"/large" in request else 0):
                writer.write(b"y" * 100_000)
                await writer.drain()
            if b"/large" not in request:
                writer.write(b"ok")
        finally:
            waiting.discard(number)

    async def test(house: House) -> tuple[int, bytes]:
        kept = []
        for _ in range(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1000)
            writer.write(get("/large"))
            kept.append((reader, writer))
        await asyncio.sleep(1)
        return len(waiting), await house.say(get("/other", CLOSE))

    held, heard = run(script, test)
    assert (held <= limits.SLOW_READERS_MAX, heard[:15]) == (True, b"HTTP/1.1 200 OK")


def test_very_many_requests_in_one_packet_are_all_answered() -> None:
    decision = b"POST /api/v1/decisions HTTP/1.1\r\nHost: weir\r\nContent-Length: 2\r\n\r\n{}"

    async def test(house: House) -> bytes:
        return await house.say(get("/1") + decision * 3_000 + get("/2", CLOSE))

    heard = re.findall(rb"HTTP/1.1 (\d+)", run(answering(OK), test, limits=Limits(address_per_s=10_000)))
    assert heard == [b"200", *[b"401"] * 3_000, b"200"]


# --- too many requests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        pytest.param(post(OUR_KEY, body=b"[]"), {"key_per_s": 3}, id="a key"),
        pytest.param(get("/admin/", "Cookie: a=b; sessionid=c"), {"person_per_s": 1}, id="a person"),
        pytest.param(get("/admin/"), {"address_per_s": 1}, id="an address"),
        pytest.param(
            post(path="/admin/login/", body=b"username=a"), {"sign_in_per_min": 4}, id="a guesser of passwords"
        ),
        pytest.param(
            get("/account/sign-i%6e/provider/?next=/"), {"sign_in_per_min": 4}, id="who begins at the identity provider"
        ),
    ],
)
def test_who_asks_too_often_is_told_when_to_come_again(request_: bytes, allowed: dict[str, int]) -> None:
    async def test(house: House) -> list[bytes]:
        return [await house.say(request_, until=b"}" if number > 10 else b"\r\n\r\n") for number in range(13)]

    heard = run(answering(OK), test, snapshot=known(OUR_KEY), limits=Limits(**allowed))
    assert heard[0].startswith(b"HTTP/1.1 200 OK")
    assert status_and_code(heard[-1]) == (429, "too_many_requests")
    assert int(re.findall(rb"Retry-After: (\d+)", heard[-1])[0]) >= 1


def test_passwords_are_checked_one_at_a_time_and_nobody_else_waits() -> None:
    checking, most = [0], [0]

    async def script(_house: House, reader: Reader, writer: Writer) -> None:
        while True:
            is_guess = b"login" in await read_request(reader)
            checking[0] += is_guess
            most[0] = max(most[0], checking[0])
            await asyncio.sleep(0.1 if is_guess else 0)
            checking[0] -= is_guess
            writer.write(OK)
            await writer.drain()

    async def test(house: House) -> tuple[float, list[bytes]]:
        paths = ["/admin/login/", "/admin/login", "/admin/%6cogin/?next=/", "/admin/login/?a=b"] * 2
        guesses = [asyncio.create_task(house.say(post("", CLOSE, body=b"a", path=path))) for path in paths]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await house.say(get("/other", CLOSE))
        return time.monotonic() - began, await asyncio.gather(*guesses)

    took_s, heard = run(script, test)
    assert (most[0], took_s < 0.5, {answer[:15] for answer in heard}) == (1, True, {b"HTTP/1.1 200 OK"})


def test_a_proxys_clients_are_told_apart_by_what_it_says_of_them() -> None:
    async def test(house: House) -> list[bytes]:
        said = ["9.9.9.9, 1.1.1.1"] * 7 + ["1.1.1.1, 2.2.2.2"]
        return [(await house.say(get("/", f"X-Forwarded-For: {one}", CLOSE)))[9:12] for one in said]

    heard = run(answering(OK), test, is_behind_proxy=True, limits=Limits(address_per_s=1))
    assert (heard[0], heard[-2], heard[-1]) == (b"200", b"429", b"200")


def test_a_client_cannot_say_that_it_is_another() -> None:
    async def test(house: House) -> list[bytes]:
        return [(await house.say(get("/", f"X-Forwarded-For: 1.1.1.{one}", CLOSE)))[9:12] for one in range(8)]

    assert run(answering(OK), test, limits=Limits(address_per_s=1))[-1] == b"429"


def test_a_rate_lets_pass_what_it_says_and_no_more() -> None:
    rate = Rate(10, 5)
    passed = [rate.take("a", 100 + number / 100) for number in range(200)]
    assert sum(not wait_s for wait_s in passed) == 5 + 19  # 1.99 s of ten a second
    assert rate.take("b", 100.0) == 0


def test_organisations_take_turns_at_the_web_processes() -> None:
    answered: list[bytes] = []

    async def script(_house: House, reader: Reader, writer: Writer) -> None:
        while True:
            request = await read_request(reader)
            await asyncio.sleep(0.02)
            answered.append(OUR_KEY.encode() if OUR_KEY.encode() in request else b"them")
            writer.write(OK)
            await writer.drain()

    async def test(house: House) -> int:
        flood = [asyncio.create_task(house.say(post(THEIR_KEY, CLOSE, body=b"[1]"))) for _ in range(250)]
        await asyncio.sleep(0.05)
        await house.say(post(OUR_KEY, CLOSE, body=b"[1]"))
        place = answered.index(OUR_KEY.encode())
        await asyncio.gather(*flood)
        return place

    assert run(script, test, snapshot=known(OUR_KEY, THEIR_KEY)) < 2 * limits.PARTY_AT_ONCE_MAX + 8


def test_one_that_waits_for_very_many_of_its_own_is_told_to_come_again() -> None:
    turns: Turns[int] = Turns()
    begun = [turns.begin(1) for _ in range(100)]
    waits = [turns.wait(1, number) for number in range(300)]
    assert (sum(begun), sum(waits), turns.begin(2)) == (limits.PARTY_AT_ONCE_MAX, limits.WAITING_MAX, True)
    turns.end(1)
    assert (turns.next(), turns.next()) == (0, None)


def test_decisions_are_shared_out_among_the_organisations_that_ask() -> None:
    shares = Shares(window_s=1.0, cost_s=0.01)  # 80 in a window

    def given(party: int, asked: int, at: float) -> int:
        return sum(not shares.take(party, at) for _ in range(asked))

    alone = given(1, 500, 0.0)
    both = [given(1, 500, 1.0), given(2, 5, 1.0), given(1, 500, 2.0), given(2, 50, 2.0), given(1, 500, 3.0)]
    assert (alone, both) == (500, [500, 5, 40, 40, 40])


def test_an_answer_from_memory_that_is_held_comes_in_the_next_window() -> None:
    question: Any = post(
        OUR_KEY, "Connection: keep-alive", body=b'{"scope": "acme", "model": "m"}', path="/api/v1/decisions"
    )
    theirs: Any = post(
        THEIR_KEY, "Connection: keep-alive", body=b'{"scope": "globex", "model": "m"}', path="/api/v1/decisions"
    )

    async def test(house: House) -> int:
        reader, writer = await house.open()
        other_reader, other = await house.open()
        other.write(theirs)
        writer.write(question * 1_000)
        await other_reader.readuntil(b"HTTP/1.1 200")
        heard = b""
        while heard.count(b"HTTP/1.1 200") < 1_000:
            heard += await asyncio.wait_for(reader.read(65536), 5)
        return heard.count(b"HTTP/1.1 200")

    assert run(answering(OK), test, snapshot=known(OUR_KEY, THEIR_KEY)) == 1_000
