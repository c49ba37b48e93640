"""OTLP in JSON. The nesting down to the spans is walked over the text and each span decoded by itself; of a span too
large for that, as one that holds a prompt may be, each attribute by itself. What is passed over is never decoded.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from allocation.importers.incoming import RECORD_BYTES_MAX, MalformedBody
from allocation.importers.otlp.spans import (
    ATTRIBUTE_BYTES_MAX,
    NO_ATTRIBUTES,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Scalar,
    Span,
    identifier,
    is_read,
)

MAX_DEPTH = 64
NAME_LENGTH_MAX = 256
INTEGER_DIGITS_MAX = 20
# A quote without its partner is a token too: it ends the search at once instead of being passed over.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
_PLAIN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:\[\]{}"]++', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*+")
# LiteLLM writes the enumerations' names, OTLP's JSON their numbers.
_CLIENT = (3, "SPAN_KIND_CLIENT")
_ERROR = (2, "STATUS_CODE_ERROR")
_ATTRIBUTES = "attributes"
Place = tuple[int, int]


def read_spans(body: bytes) -> Iterator[Span]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="invalid_unicode") from None
    start = _after_space(text, 0)
    if start == len(text):
        raise MalformedBody("The body is empty; an OTLP trace request is wanted.", code="body_empty")
    if _after_space(text, _end(text, start)) != len(text):
        raise _malformed(start)
    try:
        yield from _spans(text, start)
    except ValueError:
        raise MalformedBody("The body is not an OTLP trace request in JSON.") from None


def _spans(text: str, start: int) -> Iterator[Span]:
    index = 0
    for resource_spans in _items_of(text, start, "resourceSpans"):
        resource: dict[str, Scalar] = {}
        for name, (at, end) in _members(text, resource_spans[0]):
            if name == "resource":
                resource = _attributes(_decoded_or_walked(text, (at, end)).get(_ATTRIBUTES))
        for scope_spans in _items_of(text, resource_spans[0], "scopeSpans"):
            for span in _items_of(text, scope_spans[0], "spans"):
                yield _span(index, _decoded_or_walked(text, span), resource)
                index += 1


def _span(index: int, data: dict[str, Any], resource: dict[str, Scalar]) -> Span:
    status = data.get("status")
    return Span(
        index=index,
        trace_id=identifier(data.get("traceId"), TRACE_ID_BYTES),
        span_id=identifier(data.get("spanId"), SPAN_ID_BYTES),
        parent_id=identifier(data.get("parentSpanId"), SPAN_ID_BYTES),
        is_client=data.get("kind") in _CLIENT,
        has_failed=isinstance(status, dict) and status.get("code") in _ERROR,
        started_ns=_integer(data.get("startTimeUnixNano")) or 0,
        ended_ns=_integer(data.get("endTimeUnixNano")) or 0,
        attributes=_attributes(data.get(_ATTRIBUTES)) or NO_ATTRIBUTES,
        resource=resource,
    )


def _attributes(pairs: object) -> dict[str, Scalar]:
    """Known names with a plain value, the last of each."""
    found: dict[str, Scalar] = {}
    for pair in pairs if isinstance(pairs, Iterable) and not isinstance(pairs, str | dict) else ():
        name = pair.get("key") if isinstance(pair, dict) else None
        if isinstance(name, str) and is_read(name):
            value = _scalar(pair.get("value"))
            if value is not None:
                found[name] = value
    return found


def _scalar(value: object) -> Scalar | None:
    if not isinstance(value, dict):
        return None
    if isinstance(text := value.get("stringValue"), str):
        return text if len(text) <= ATTRIBUTE_BYTES_MAX else None
    if isinstance(flag := value.get("boolValue"), bool):
        return flag
    if "intValue" in value:
        return _integer(value["intValue"])
    number = value.get("doubleValue")
    return number if isinstance(number, int | float) and not isinstance(number, bool) else None


def _integer(value: object) -> int | None:
    """64-bit integers are texts in protobuf's JSON, and numbers with those who do not know."""
    if type(value) is int:
        return value
    digits = isinstance(value, str) and len(value) <= INTEGER_DIGITS_MAX and value.lstrip("-").isdecimal()
    return int(value) if digits and isinstance(value, str) else None


def _decoded_or_walked(text: str, place: Place) -> dict[str, Any]:
    start, end = place
    if end - start <= RECORD_BYTES_MAX:
        value = json.loads(text[start:end])
        if not isinstance(value, dict):
            raise _malformed(start)
        return value
    walked: dict[str, Any] = {}
    for name, (at, until) in _members(text, start):
        if name == _ATTRIBUTES:
            walked[name] = (
                json.loads(text[first:last]) for first, last in _items(text, at) if last - first <= ATTRIBUTE_BYTES_MAX
            )
        elif until - at <= ATTRIBUTE_BYTES_MAX:
            walked[name] = json.loads(text[at:until])
    return walked


def _items_of(text: str, start: int, wanted: str) -> Iterator[Place]:
    for name, (at, _) in _members(text, start):
        if name == wanted and not text.startswith("null", at):
            yield from _items(text, at)


def _members(text: str, start: int) -> Iterator[tuple[str, Place]]:
    for at, end in _parts(text, start, "{", "}"):
        if end - at > NAME_LENGTH_MAX or text[at] != '"':
            raise _malformed(at)
        colon = _after_space(text, end)
        if text[colon : colon + 1] != ":":
            raise _malformed(colon)
        value = _after_space(text, colon + 1)
        yield json.loads(text[at:end]), (value, _end(text, value))


def _items(text: str, start: int) -> Iterator[Place]:
    return _parts(text, start, "[", "]")


def _parts(text: str, start: int, opening: str, closing: str) -> Iterator[Place]:
    """The places of an array's items, or of an object's names."""
    if text[start : start + 1] != opening:
        raise _malformed(start)
    position = _after_space(text, start + 1)
    more = text[position : position + 1] != closing
    while more:
        end = _end(text, position)
        yield position, end
        if opening == "{":
            end = _end(text, _after_space(text, _after_space(text, end) + 1))
        position = _after_space(text, end)
        more = text[position : position + 1] == ","
        if more:
            position = _after_space(text, position + 1)
    if text[position : position + 1] != closing:
        raise _malformed(position)


def _end(text: str, start: int) -> int:
    """Where the value that begins here ends; its insides are only counted."""
    if text[start : start + 1] not in {"{", "["}:
        plain = _PLAIN.match(text, start)
        if plain is None:
            raise _malformed(start)
        return plain.end()
    depth = 0
    for token in _STRUCTURE.finditer(text, start):
        first = text[token.start()]
        if first in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep")
        elif first in "}]":
            depth -= 1
            if not depth:
                return token.end()
        elif token.end() - token.start() == 1:
            break
    raise _malformed(start)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _malformed(position: int) -> MalformedBody:
    return MalformedBody(f"The body is not an OTLP trace request in JSON: see character {position}.")
