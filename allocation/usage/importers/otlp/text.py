"""OTLP in JSON. The text is scanned down to the spans, log records or metrics, and each is decoded by itself; of one
too large for that, such as a span with a prompt, each attribute by itself. What is skipped is never decoded.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from allocation.usage.importers.incoming import RECORD_BYTES_MAX, MalformedBody, too_many
from allocation.usage.importers.otlp.scanning import NAME_LENGTH_MAX, Extent, JsonScanner, malformed
from allocation.usage.importers.otlp.signals import SHAPES, LogRecord, Metric, Shape, is_read_of_event
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

INTEGER_DIGITS_MAX = 20
# LiteLLM writes names of enumeration values, OTLP's JSON their numbers.
_CLIENT = (3, "SPAN_KIND_CLIENT")
_ERROR = (2, "STATUS_CODE_ERROR")
_ATTRIBUTES = "attributes"


class Item(NamedTuple):
    """A span, log record or metric as decoded, with its position among all of the request."""

    position: int
    data: dict[str, Any]
    resource: dict[str, Scalar]
    instrumentation: str


def read_spans(body: bytes, spans_max: int) -> Iterator[Span]:
    """The spans of a trace request. Raises MalformedBody, and TooManyRecords above `spans_max`."""
    return (_span(*item) for item in _read_items(body, SHAPES["traces"], spans_max))


def read_log_records(body: bytes, records_max: int) -> Iterator[LogRecord]:
    """As `read_spans`, of a request with logs."""
    return (_log_record(*item) for item in _read_items(body, SHAPES["logs"], records_max))


def read_metrics(body: bytes, metrics_max: int) -> Iterator[Metric]:
    """As `read_spans`, of a request with metrics."""
    return (
        Metric(index, _name(data.get("name")), resource, instrumentation)
        for index, data, resource, instrumentation in _read_items(body, SHAPES["metrics"], metrics_max)
    )


def _read_items(body: bytes, shape: Shape, items_max: int) -> Iterator[Item]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.", code="unicode_invalid") from None
    scanner = JsonScanner(text)
    if scanner.position == len(text):
        raise MalformedBody("The body is empty; send an OTLP request.", code="body_empty")
    try:
        yield from _items(scanner, shape, items_max)
    except ValueError:
        raise malformed(scanner.position) from None
    if scanner.position != len(text):
        raise malformed(scanner.position)


def _items(scanner: JsonScanner, shape: Shape, items_max: int) -> Iterator[Item]:
    index = 0
    for count, _ in enumerate(scanner.items_of(shape.resources)):
        if count >= items_max:
            raise too_many(items_max)
        resource: dict[str, Scalar] = {}
        # A resource may follow its spans in the text.
        extents: list[Extent] = []
        instrumentations: list[str] = []
        for name in scanner.members():
            if name == "resource":
                resource = _attributes(_data(scanner.text, scanner.skip_value()).get(_ATTRIBUTES))
            elif name == shape.scopes:
                for _ in scanner.items():
                    instrumentation, found = _scope(scanner, shape, items_max - index - len(extents), items_max)
                    extents += found
                    instrumentations += [instrumentation] * len(found)
        for number, (extent, instrumentation) in enumerate(zip(extents, instrumentations, strict=True), start=index):
            yield Item(number, _data(scanner.text, extent), resource, instrumentation)
        index += len(extents)


def _scope(scanner: JsonScanner, shape: Shape, left: int, items_max: int) -> tuple[str, list[Extent]]:
    """The name of the instrumentation, which may follow its spans in the text, and where each of them lies."""
    instrumentation = ""
    extents: list[Extent] = []
    for name in scanner.members():
        if name == "scope" and scanner.is_at("{"):
            instrumentation = _name(_data(scanner.text, scanner.skip_value()).get("name"))
        elif name == shape.items and not scanner.is_at("null"):
            for _ in scanner.items():
                if len(extents) >= left:
                    raise too_many(items_max)
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


def _log_record(index: int, data: dict[str, Any], resource: dict[str, Scalar], instrumentation: str) -> LogRecord:
    return LogRecord(
        index=index,
        event_name=_name(data.get("eventName")),
        trace_id=identifier(data.get("traceId"), TRACE_ID_BYTES),
        at_ns=_integer(data.get("timeUnixNano")) or 0,
        observed_ns=_integer(data.get("observedTimeUnixNano")) or 0,
        attributes=_attributes(data.get(_ATTRIBUTES), is_read_of_event) or NO_ATTRIBUTES,
        resource=resource,
        instrumentation=instrumentation,
    )


def _name(stated: object) -> str:
    return stated[:NAME_LENGTH_MAX] if isinstance(stated, str) else ""


def _attributes(pairs: object, is_wanted: Callable[[str], bool] = is_read) -> dict[str, Scalar]:
    """Attributes that are read and have a plain value; of a repeated name the last."""
    attributes: dict[str, Scalar] = {}
    for pair in pairs if isinstance(pairs, Iterable) and not isinstance(pairs, str | dict) else ():
        name = pair.get("key") if isinstance(pair, dict) else None
        if isinstance(name, str) and is_wanted(name):
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
            raise malformed(start)
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
