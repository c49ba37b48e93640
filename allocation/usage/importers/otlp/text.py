"""OTLP in JSON. The text is scanned down to the spans and each span is decoded by itself; of a span too large for that,
such as one with a prompt, each attribute by itself. What is skipped is never decoded.
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
# An unmatched quote is a token too, so that the scan ends there at once.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
_PLAIN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:\[\]{}"]++', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*+")
# LiteLLM writes names of enumeration values, OTLP's JSON their numbers.
_CLIENT = (3, "SPAN_KIND_CLIENT")
_ERROR = (2, "STATUS_CODE_ERROR")
_ATTRIBUTES = "attributes"
Extent = tuple[int, int]


def read_spans(body: bytes, spans_max: int) -> Iterator[Span]:
    """The spans of a trace request. Raises MalformedBody, and TooManyRecords above `spans_max`."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="unicode_invalid") from None
    scanner = JsonScanner(text)
    if scanner.position == len(text):
        raise MalformedBody("The body is empty; send an OTLP trace request.", code="body_empty")
    try:
        yield from _spans(scanner, spans_max)
    except ValueError:
        raise _malformed(scanner.position) from None
    if scanner.position != len(text):
        raise _malformed(scanner.position)


def _spans(scanner: "JsonScanner", spans_max: int) -> Iterator[Span]:
    index = 0
    for count, _ in enumerate(scanner.items_of("resourceSpans")):
        if count >= spans_max:
            raise too_many(spans_max)
        resource: dict[str, Scalar] = {}
        # A resource may follow its spans in the text.
        extents: list[Extent] = []
        instrumentations: list[str] = []
        for name in scanner.members():
            if name == "resource":
                resource = _attributes(_data(scanner.text, scanner.skip_value()).get(_ATTRIBUTES))
            elif name == "scopeSpans":
                for _ in scanner.items():
                    instrumentation, found = _scope_spans(scanner, spans_max - index - len(extents), spans_max)
                    extents += found
                    instrumentations += [instrumentation] * len(found)
        for number, (extent, instrumentation) in enumerate(zip(extents, instrumentations, strict=True), start=index):
            yield _span(number, _data(scanner.text, extent), resource, instrumentation)
        index += len(extents)


def _scope_spans(scanner: "JsonScanner", left: int, spans_max: int) -> tuple[str, list[Extent]]:
    """The name of the instrumentation, which may follow its spans in the text, and where each of them lies."""
    instrumentation = ""
    extents: list[Extent] = []
    for name in scanner.members():
        if name == "scope" and scanner.is_at("{"):
            stated = _data(scanner.text, scanner.skip_value()).get("name")
            instrumentation = stated[:NAME_LENGTH_MAX] if isinstance(stated, str) else ""
        elif name == "spans" and not scanner.is_at("null"):
            for _ in scanner.items():
                if len(extents) >= left:
                    raise too_many(spans_max)
                extents.append(scanner.skip_value())
    return instrumentation, extents


def _span(index: int, data: dict[str, Any], resource: dict[str, Scalar], instrumentation: str) -> Span:
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
        instrumentation=instrumentation,
    )


def _attributes(pairs: object) -> dict[str, Scalar]:
    """Attributes that are read and have a plain value; of a repeated name the last."""
    attributes: dict[str, Scalar] = {}
    for pair in pairs if isinstance(pairs, Iterable) and not isinstance(pairs, str | dict) else ():
        name = pair.get("key") if isinstance(pair, dict) else None
        if isinstance(name, str) and is_read(name):
            value = _scalar(pair.get("value"))
            if value is not None:
                attributes[name] = value
    return attributes


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
    """protobuf's JSON writes 64-bit integers as text; some senders write numbers."""
    if type(value) is int:
        return value
    digits = isinstance(value, str) and len(value) <= INTEGER_DIGITS_MAX and value.lstrip("-").isdecimal()
    return int(value) if digits and isinstance(value, str) else None


def _data(text: str, extent: Extent) -> dict[str, Any]:
    """The object at this position; of a large one, only its short members and short attributes."""
    start, end = extent
    if end - start <= RECORD_BYTES_MAX:
        value = json.loads(text[start:end])
        if not isinstance(value, dict):
            raise _malformed(start)
        return value
    scanner, fields = JsonScanner(text, start), {}
    for name in scanner.members():
        if name == _ATTRIBUTES and scanner.is_at("["):
            list_scanner = JsonScanner(text, scanner.skip_value()[0])
            extents = (list_scanner.skip_value() for _ in list_scanner.items())
            fields[name] = [
                json.loads(text[at:until])
                for at, until in islice(extents, ATTRIBUTES_MAX)
                if until - at <= ATTRIBUTE_BYTES_MAX
            ]
        else:
            at, until = scanner.skip_value()
            if until - at <= ATTRIBUTE_BYTES_MAX:
                fields[name] = json.loads(text[at:until])
    return fields


class JsonScanner:
    """Reads JSON once, from front to back. The caller reads into each member or item it is given, or leaves it to be
    skipped.
    """

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = _after_space(text, position)

    def is_at(self, sign: str) -> bool:
        """Whether this sign comes next."""
        return self.text.startswith(sign, self.position)

    def skip_value(self) -> Extent:
        """Skips the value that begins here, undecoded. Returns where it begins and ends."""
        start = self.position
        self.position = _end(self.text, start)
        return start, self.position

    def members(self) -> Iterator[str]:
        """Names of the object's members, each with the scanner at its value."""
        self._take("{")
        more = not self.is_at("}")
        while more:
            start, end = self.skip_value()
            if end - start > NAME_LENGTH_MAX or self.text[start] != '"':
                raise _malformed(start)
            self._space()
            self._take(":")
            yield from self._part(json.loads(self.text[start:end]))
            more = self._is_followed()
        self._take("}")

    def items(self) -> Iterator[str]:
        """An empty name for each item of the list, with the scanner at the item."""
        self._take("[")
        more = not self.is_at("]")
        while more:
            yield from self._part("")
            more = self._is_followed()
        self._take("]")

    def items_of(self, wanted: str) -> Iterator[str]:
        """As `items`, for the list that is the object's member `wanted`."""
        for name in self.members():
            if name == wanted and not self.is_at("null"):
                yield from self.items()

    def _part(self, name: str) -> Iterator[str]:
        start = self.position
        yield name
        if self.position == start:
            self.skip_value()

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
    """Where the value that begins here ends. Nested values are only counted, not decoded."""
    if text[start : start + 1] not in {"{", "["}:
        plain = _PLAIN.match(text, start)
        if plain is None:
            raise _malformed(start)
        return plain.end()
    depth = 0
    for token in _STRUCTURE.finditer(text, start):
        sign = text[token.start()]
        if sign in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep")
        elif sign in "}]":
            depth -= 1
            if not depth:
                return token.end()
        elif token.end() - token.start() == 1:
            break
    raise _malformed(start)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _malformed(position: int) -> MalformedBody:
    return MalformedBody(f"The body is not an OTLP trace request in JSON: see character {position}.")
