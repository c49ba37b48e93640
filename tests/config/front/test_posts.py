"""Small posts of usage are handed on together, and each is answered as if it had come alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from allocation.usage.engine.posts import HandedAnswer, HandedPost, answers_to_bytes, posts_from_bytes
from config.front import limits, parsers
from tests.config.front.house import OK, House, Reader, Writer, answering, read_request, run

pytestmark = pytest.mark.skipif(not parsers.IS_INSTALLED, reason="httptools and uvloop are not installed")

Script = Callable[[House, Reader, Writer], Awaitable[None]]
KEY = "Authorization: Bearer weir_a_b"


def usage(body: str, *headers: str, target: str = "/api/v1/usage", version: str = "1.1", host: str = "weir") -> bytes:
    length = (
        () if any(header.startswith("Transfer-Encoding") for header in headers) else (f"Content-Length: {len(body)}",)
    )
    head = (f"POST {target} HTTP/{version}", f"Host: {host}", "Content-Type: application/json", *length)
    return "\r\n".join((*head, *headers, "", body)).encode()


def together(request: bytes) -> list[HandedPost] | None:
    """The posts of a request that hands on several; None for any other request."""
    head, _, body = request.partition(b"\r\n\r\n")
    return posts_from_bytes(body) if b"\r\nx-weir-posts: " in head else None


def recording(answer: Callable[[HandedPost], HandedAnswer | None], *, first_s: float = 0.05) -> Script:
    """A web process that takes its time for the first group; what is asked alone is answered OK."""

    async def script(house: House, reader: Reader, writer: Writer) -> None:
        while True:
            request = await read_request(reader)
            house.asked.append(request)
            posts = together(request)
            if posts is None:
                writer.write(OK)
                continue
            if len(house.asked) == 1:
                await asyncio.sleep(first_s)
            body = answers_to_bytes([answer(post) for post in posts])
            head = (
                b"HTTP/1.1 200 OK\r\nserver: w\r\ncontent-type: application/octet-stream\r\ncontent-length: %d\r\n\r\n"
            )
            writer.write(head % len(body) + body)

    return script


def echo(post: HandedPost) -> HandedAnswer:
    return HandedAnswer(200, "application/json", post.body)


async def all_say(house: House, *requests: bytes) -> list[bytes]:
    """One client for each request, the first of them alone on its way when the others come."""
    first = asyncio.create_task(house.say(requests[0]))
    await asyncio.sleep(0.02)
    return list(await asyncio.gather(first, *[house.say(request) for request in requests[1:]]))


def bodies(house: House) -> list[list[bytes] | None]:
    posts = [together(request) for request in house.asked]
    return [None if each is None else sorted(post.body for post in each) for each in posts]


CLOSE = (KEY, "Connection: close")


def test_what_comes_while_one_is_recorded_is_handed_on_in_one_request() -> None:
    async def test(house: House) -> Any:
        heard = await all_say(house, *[usage(f"[{number}]", *CLOSE) for number in range(5)])
        return heard, bodies(house)

    heard, asked = run(recording(echo), test)
    assert asked == [[b"[0]"], [b"[1]", b"[2]", b"[3]", b"[4]"]]
    assert heard == [
        b"HTTP/1.1 200 OK\r\nserver: w\r\ncontent-type: application/json\r\ncontent-length: 3\r\nconnection: close\r\n"
        b"\r\n[%d]" % number
        for number in range(5)
    ]  # fmt: skip


def test_a_web_process_is_told_what_decides_the_answer_and_no_more() -> None:
    async def test(house: House) -> bytes:
        await house.say(usage("{}", *CLOSE, "X-Forwarded-Host: evil", "X-Weir-Posts: 9", "Cookie: a=b", host="weir:80"))
        return house.asked[0]

    asked = run(recording(echo), test)
    head = asked.partition(b"\r\n\r\n")[0]
    assert re.sub(rb"length: \d+", b"length: n", head) == (
        b"POST /api/v1/usage HTTP/1.1\r\nhost: weir:80\r\nx-weir-posts: 1\r\ncontent-length: n"
    )
    assert together(asked) == [HandedPost("Bearer weir_a_b", "application/json", "weir:80", b"{}")]


def test_behind_a_proxy_the_host_is_the_one_that_it_names() -> None:
    async def test(house: House) -> Any:
        await house.say(usage("{}", *CLOSE, "X-Forwarded-Host: weir.example", "X-Forwarded-Proto: https"))
        return house.asked[0]

    asked = run(recording(echo), test, is_behind_proxy=True)
    assert b"\r\nx-forwarded-host: weir.example\r\nx-forwarded-proto: https\r\n" in asked
    assert together(asked) == [HandedPost("Bearer weir_a_b", "application/json", "weir.example", b"{}")]


def test_each_has_a_status_of_its_own_and_keeps_its_connection() -> None:
    def answer(post: HandedPost) -> HandedAnswer:
        return HandedAnswer(422, "application/problem+json", b"no") if post.body == b"bad" else echo(post)

    async def test(house: House) -> bytes:
        return await house.say(usage("bad", KEY) + usage("[1]", KEY) + usage("[2]", *CLOSE))

    heard = run(recording(answer, first_s=0), test)
    assert re.findall(rb"HTTP/1.1 (\d+)|content-type: (\S+)", heard) == [
        (b"422", b""), (b"", b"application/problem+json"), (b"200", b""), (b"", b"application/json"),
        (b"200", b""), (b"", b"application/json"),
    ]  # fmt: skip
    assert heard.endswith(b"connection: close\r\n\r\n[2]")


def test_what_is_not_answered_together_is_asked_alone_as_it_came() -> None:
    def answer(post: HandedPost) -> HandedAnswer | None:
        return None if post.body == b"odd" else echo(post)

    async def test(house: House) -> Any:
        heard = await all_say(house, usage("[0]", *CLOSE), usage("odd", *CLOSE, "X-Own: 1"), usage("[2]", *CLOSE))
        return [each.rpartition(b"\r\n\r\n")[2] for each in heard], house.asked[2]

    heard, asked = run(recording(answer), test)
    assert heard == [b"[0]", b"ok", b"[2]"]
    assert asked == (
        b"POST /api/v1/usage HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: 3\r\n"
        b"authorization: Bearer weir_a_b\r\nx-own: 1\r\nx-forwarded-for: 127.0.0.1\r\n\r\nodd"
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nodd!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\x90",
    ],
    ids=["refused", "not to be read", "too few"],
)
def test_each_is_asked_alone_when_the_answer_is_for_none_of_them(answer: bytes) -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        house.asked.append(await read_request(reader))
        writer.write(answer if len(house.asked) == 1 else OK)

    async def test(house: House) -> Any:
        return await house.say(usage("[0]", *CLOSE)), bodies(house)

    heard, asked = run(script, test)
    assert heard.endswith(b"\r\n\r\nok")
    assert asked == [[b"[0]"], None]


def test_a_web_process_that_goes_while_it_records_is_not_asked_again() -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        house.asked.append(await read_request(reader))
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")

    async def test(house: House) -> Any:
        heard = await all_say(house, usage("[0]", *CLOSE), usage("[1]", *CLOSE), usage("[2]", *CLOSE))
        return heard, len(house.asked)

    heard, asked = run(script, test)
    assert [each[:12] for each in heard] == [b"HTTP/1.1 503"] * 3
    assert all(b'"code":"web_unavailable"' in each and b"Retry-After: " in each for each in heard)
    assert asked == 2


def test_without_a_web_process_each_is_told_so() -> None:
    async def test(house: House) -> bytes:
        await house.stop_web()
        return await house.say(usage("[0]", *CLOSE))

    assert b'"code":"web_unavailable"' in run(recording(echo), test)


def test_a_client_that_leaves_costs_the_others_nothing_and_its_usage_is_recorded() -> None:
    async def test(house: House) -> Any:
        first = asyncio.create_task(house.say(usage("[0]", *CLOSE)))
        await asyncio.sleep(0.02)
        _, gone = await house.open()
        gone.write(usage("[1]", KEY))
        await gone.drain()
        await asyncio.sleep(0.01)
        gone.close()
        heard = [await house.say(usage("[2]", *CLOSE)), await first]
        return [each.rpartition(b"\r\n\r\n")[2] for each in heard], bodies(house)

    heard, asked = run(recording(echo), test)
    assert heard == [b"[2]", b"[0]"]
    assert asked == [[b"[0]"], [b"[1]", b"[2]"]]


def test_beside_a_group_that_takes_long_others_are_recorded() -> None:
    async def test(house: House) -> Any:
        slow = asyncio.create_task(house.say(usage("[0]", *CLOSE)))
        await asyncio.sleep(0.02)
        quick = await asyncio.wait_for(house.say(usage("[1]", *CLOSE)), limits.WAITS_S + 1)
        is_done = slow.done()
        await slow
        return quick.endswith(b"[1]"), is_done

    assert run(recording(echo, first_s=2), test) == (True, False)


@pytest.mark.parametrize(
    "request_",
    [
        usage("[0]", "Connection: close", "Cookie: sessionid=a"),
        usage("[0]", *CLOSE, KEY),
        usage("[0]", *CLOSE, "Accept: application/xml"),
        usage("[0]", *CLOSE, "Content-Encoding: gzip"),
        usage("[0]", *CLOSE, target="/api/v1/usage?dry_run=1"),
        usage("[0]", *CLOSE, target="/api/v1/usage/litellm"),
        usage("2\r\n[]\r\n0\r\n\r\n", *CLOSE, "Transfer-Encoding: chunked"),
        usage(" " * (limits.POST_BYTES_MAX + 1), *CLOSE),
        usage("[0]", *CLOSE).replace(b"POST", b"PUT"),
    ],
    ids=["a person", "two keys", "another answer", "packed", "query", "another path", "no length", "large", "method"],
)
def test_what_is_special_is_relayed_as_it_came(request_: bytes) -> None:
    async def test(house: House) -> Any:
        return (await house.say(request_))[:15], bodies(house)

    assert run(answering(OK), test) == (b"HTTP/1.1 200 OK", [None])


def test_a_client_of_http_1_0_is_answered_in_its_way() -> None:
    async def test(house: House) -> bytes:
        return await house.say(
            usage("[0]", KEY, "Connection: keep-alive", version="1.0") + usage("[1]", KEY, version="1.0")
        )

    heard = run(recording(echo, first_s=0), test)
    assert re.findall(rb"connection: (\S+)", heard) == [b"keep-alive", b"close"]


@pytest.mark.parametrize("is_told", [True, False])
def test_who_brought_a_budget_to_a_line_is_answered_when_decisions_know_of_it_or_shortly(is_told: bool) -> None:
    async def script(house: House, reader: Reader, writer: Writer) -> None:
        posts = together(await read_request(reader))
        assert posts is not None
        body = answers_to_bytes([echo(post) for post in posts])
        head = b"HTTP/1.1 200 OK\r\nx-weir-evaluated-in: 7\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)

    async def test(house: House) -> Any:
        saying = asyncio.create_task(house.say(usage("[1]", *CLOSE)))
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(limits.READ_S / 2)
        was_done = saying.done()
        if is_told:
            house.front.decisions.snapshot.heard_after.extend([6, 7])
        heard = await saying
        return was_done, b"evaluated" in heard, heard[-3:], asyncio.get_running_loop().time() - began

    was_done, names_it, body, took_s = run(script, test)
    assert (was_done, names_it, body) == (False, False, b"[1]")
    assert is_told or took_s >= limits.READ_S
