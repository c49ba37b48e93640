"""Bodies unpacked up to a limit, and JSON checked before it is used."""

from __future__ import annotations

import re
import zlib
from typing import Any

import orjson

from governance.errors import DomainError

MAX_DEPTH = 64
GZIP = 16 + zlib.MAX_WBITS
# A sender packs a body once; tools that pack in parallel make a member of each piece.
MEMBERS_MAX = 1_000
SLICE_BYTES = 16 * 1024
MAX_INTEGER_DIGITS = 18
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]')
_LONG_DIGITS = re.compile(rb"\d{19}")
_STRING_OR_LONG_INTEGER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')
_STRING_OR_NUL = re.compile(rb"\\(?:u0000|.)", re.DOTALL)


class BodyTooLarge(DomainError):
    """The body, or what it unpacks to, is larger than the limit."""

    code = "body_too_large"
    status = 413


class BadBody(DomainError):
    """The body cannot be read as JSON."""

    code = "malformed_json"
    status = 400


def unpacked(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Gateways send gzip; the unpacked body has the same limit, and no more than that is unpacked."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzipped(body, max_bytes)
        case _:
            raise BadBody(
                "A body may be packed with gzip, or not at all.", code="unsupported_content_encoding", status=415
            )


def _gunzipped(body: bytes, max_bytes: int) -> bytes:
    """In slices, since what a member leaves over is copied: of a body with many members that would be nearly all of it
    for each of them.
    """
    unpacked, members = bytearray(), 0
    member: Any = None
    for start in range(0, len(body), SLICE_BYTES):
        rest = body[start : start + SLICE_BYTES]
        while rest:
            if member is None:
                members += 1
                if members > MEMBERS_MAX:
                    raise BadBody(f"The gzip body has more than {MEMBERS_MAX} members.", code="malformed_gzip")
                member = zlib.decompressobj(wbits=GZIP)
            try:
                unpacked += member.decompress(rest, max_bytes + 1 - len(unpacked))
            except zlib.error:
                raise BadBody("The body says that it is gzip, and is not.", code="malformed_gzip") from None
            if len(unpacked) > max_bytes:
                raise too_large(max_bytes)
            rest = member.unused_data
            member = None if member.eof else member
    if member is not None:
        raise BadBody("The gzip body ends too early.", code="malformed_gzip")
    return bytes(unpacked)


def parse_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """JSON that the database can hold: bounded nesting, integers of at most 18 digits, no NUL, no lone surrogate.

    BadBody, with a code for each.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise _explain(body, problem, max_depth) from None
    if _deeper_than(body, max_depth):
        raise _too_deep(max_depth)
    if _LONG_DIGITS.search(body) and _has_long_integer(body):
        raise _number_out_of_range()
    if rb"\u0000" in body and _has_nul(body):
        raise BadBody("A text holds the NUL character (\\u0000).", code="nul_character", status=422)
    return value


def _explain(body: bytes, problem: orjson.JSONDecodeError, max_depth: int) -> BadBody:
    text = str(problem)
    if _deeper_than(body, max_depth):
        return _too_deep(max_depth)
    if "surrogate" in text or "hex escape" in text:
        return BadBody(f"A text is not valid Unicode: {text}.", code="unicode_invalid")
    if not body.strip():
        return BadBody("The body is empty; JSON is wanted.", code="body_empty")
    return BadBody(f"The body is not JSON: {text}.")


def too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {max_bytes:,} bytes.", max_bytes=max_bytes)


def _too_deep(max_depth: int) -> BadBody:
    return BadBody(f"The JSON is nested deeper than {max_depth} levels.", code="json_too_deep")


def _number_out_of_range() -> BadBody:
    return BadBody(f"An integer has more than {MAX_INTEGER_DIGITS} digits.", code="number_out_of_range", status=422)


def _deeper_than(body: bytes, limit: int) -> bool:
    """Removes the innermost pairs of brackets level by level; only brackets inside texts need the exact count."""
    brackets = body.translate(None, _NOT_BRACKETS)
    if len(brackets) <= limit:
        return False
    for _ in range(limit):
        if not brackets:
            return False
        peeled = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
    return bool(brackets) and _exact_depth_exceeds(body, limit)


def _exact_depth_exceeds(body: bytes, limit: int) -> bool:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif first in b"]}":
            depth -= 1
    return False


def _has_long_integer(body: bytes) -> bool:
    return any(
        token[0] != b'"'[0] and token.lstrip(b"-").isdigit() and len(token.lstrip(b"-")) > MAX_INTEGER_DIGITS
        for token in _STRING_OR_LONG_INTEGER.findall(body)
    )


def _has_nul(body: bytes) -> bool:
    """Reads escapes in pairs, so that `u0000` after an escaped backslash is not taken for NUL."""
    return any(token == rb"\u0000" for token in _STRING_OR_NUL.findall(body))
