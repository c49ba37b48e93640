"""First lines and headers, as bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from http import HTTPStatus

from allocation.usage.engine.posts import EVALUATED_HEADER, HEADER

Header = tuple[bytes, bytes]
"""The name is in small letters."""

ONE_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# What only a proxy that is trusted may say of the client.
OF_PROXIES = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip"}
)
# What only the front may say to the web processes, and what it has answered for them.
STATE = b"x-weir-decisions"
POSTS = HEADER.lower().encode()
OF_THE_FRONT = frozenset({STATE, POSTS, b"expect"})
EVALUATED_IN = EVALUATED_HEADER.lower().encode()
# Of an answer to several posts, what each of them has of its own, and what is said to the front.
OF_ONE_POST = frozenset({b"content-type", b"content-length", EVALUATED_IN})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIRST_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def first_line(status: int) -> bytes:
    """Of an answer."""
    return _FIRST_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def written(headers: Iterable[Header]) -> bytes:
    """Each on its line."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def value_of(headers: Iterable[Header], name: bytes) -> bytes:
    """The first value of the header; nothing where it is missing."""
    return next((value for known, value in headers if known == name), b"")


def of_one_hop(headers: Iterable[Header]) -> Collection[bytes]:
    """Names that are not passed on: those of every connection, and those that the header `Connection` names."""
    named = {word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b",")}
    return ONE_HOP | named if named else ONE_HOP


def passed_on(headers: list[Header], peer: bytes, *, is_behind_proxy: bool) -> list[Header]:
    """The headers that the web processes get. What is said of the client's address is kept only from a proxy."""
    left_out = of_one_hop(headers)
    if not is_behind_proxy:
        kept = [
            one for one in headers if one[0] not in left_out and one[0] not in OF_PROXIES and one[0] not in OF_THE_FRONT
        ]
        return [*kept, (b"x-forwarded-for", peer)]
    kept = [one for one in headers if one[0] not in left_out and one[0] not in {b"x-forwarded-for", *OF_THE_FRONT}]
    known = [value for name, value in headers if name == b"x-forwarded-for"]
    return [*kept, (b"x-forwarded-for", b", ".join([*known, peer]))]


def chunk(data: bytes) -> bytes:
    """Of a body whose length is not known beforehand."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
