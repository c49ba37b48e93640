"""OTLP in JSON. The nesting down to the spans is walked over the text and each span decoded by itself; of a span too
large for that, as one that holds a prompt may be, each attribute by itself. What is passed over is never decoded.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from allocation.usage.importers.incoming import RECORD_BYTES_MAX, MalformedBody, too_many
from allocation.usage.importers.otlp.spans import (
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTES_MAX,
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


def read_spans(body: bytes, spans_max: int) -> Iterator[Span]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="unicode_invalid") from None
    walk = Walk(text)
    if walk.position == len(text):
        raise MalformedBody("The body is empty; an OTLP trace request is wanted.", code="body_empty")
    try:
        yield from _spans(walk, spans_max)
    except ValueError:
        raise _malformed(walk.position) from None
    if walk.position != len(text):
        raise _malformed(walk.position)


def _spans(walk: "Walk", spans_max: int) -> Iterator[Span]:
    index = 0
    for count, _ in enumerate(walk.items_of("resourceSpans")):
        if count >= spans_max:
            raise too_many(spans_max)
        resource: dict[str, Scalar] = {}
        # A resource may be written behind its spans.
        places: list[Place] = []
        for name in walk.members():
            if name == "resource":
                resource = _attributes(_data(walk.text, walk.passed()).get(_ATTRIBUTES))
            elif name == "scopeSpans":
                for _ in walk.items():
                    for _ in walk.items_of("spans"):
                        if index + len(places) >= spans_max:
                            raise too_many(spans_max)
                        places.append(walk.passed())
        for number, place in enumerate(places, start=index):
            yield _span(number, _data(walk.text, place), resource)
        index += len(places)


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


def _data(text: str, place: Place) -> dict[str, Any]:
    """An object; of a large one its attributes one at a time and what else is short."""
    start, end = place
    if end - start <= RECORD_BYTES_MAX:
        value = json.loads(text[start:end])
        if not isinstance(value, dict):
            raise _malformed(start)
        return value
    walk, found = Walk(text, start), {}
    for name in walk.members():
        if name == _ATTRIBUTES and walk.is_at("["):
            inside = Walk(text, walk.passed()[0])
            places = (inside.passed() for _ in inside.items())
            found[name] = [
                json.loads(text[at:until])
                for at, until in islice(places, ATTRIBUTES_MAX)
                if until - at <= ATTRIBUTE_BYTES_MAX
            ]
        else:
            at, until = walk.passed()
            if until - at <= ATTRIBUTE_BYTES_MAX:
                found[name] = json.loads(text[at:until])
    return found


class Walk:
    """Goes through JSON once. Whoever is given a member or an item walks into it, or leaves it to be passed over."""

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = _after_space(text, position)

    def is_at(self, sign: str) -> bool:
        return self.text.startswith(sign, self.position)

    def passed(self) -> Place:
        start = self.position
        self.position = _end(self.text, start)
        return start, self.position

    def members(self) -> Iterator[str]:
        self._take("{")
        more = not self.is_at("}")
        while more:
            start, end = self.passed()
            if end - start > NAME_LENGTH_MAX or self.text[start] != '"':
                raise _malformed(start)
            self._space()
            self._take(":")
            yield from self._part(json.loads(self.text[start:end]))
            more = self._is_followed()
        self._take("}")

    def items(self) -> Iterator[str]:
        self._take("[")
        more = not self.is_at("]")
        while more:
            yield from self._part("")
            more = self._is_followed()
        self._take("]")

    def items_of(self, wanted: str) -> Iterator[str]:
        for name in self.members():
            if name == wanted and not self.is_at("null"):
                yield from self.items()

    def _part(self, name: str) -> Iterator[str]:
        start = self.position
        yield name
        if self.position == start:
            self.passed()

    def _is_followed(self) -> bool:
        self._space()
        followed = self.is_at(",")
        if followed:
            self._take(",")
        return followed

    def _take(self, sign: str) -> None:
        if not self.is_at(sign):
            raise _malformed(self.position)
        self.position += 1
        self._space()

    def _space(self) -> None:
        self.position = _after_space(self.text, self.position)


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
