"""OTLP in protobuf. Outer messages are parsed field by field and only known attributes are decoded: a body of
one megabyte can hold a million empty messages, which fill hundreds of megabytes when decoded at once.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from allocation.usage.importers.incoming import MalformedBody, too_many
from allocation.usage.importers.otlp.signals import LogRecord, Metric, is_read_of_event
from allocation.usage.importers.otlp.spans import (
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTES_MAX,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Scalar,
    Span,
    is_read,
    known_identifier,
)

VARINT_BYTES_MAX = 10
# A length of one byte is below this.
LONGER = 0x80
NAME_BYTES_MAX = 256
# Numbers of fields, from the published opentelemetry/proto files: the same for spans, log records and metrics.
RESOURCES, RESOURCE, SCOPES, ITEMS, RESOURCE_ATTRIBUTES, SCOPE, SCOPE_NAME, METRIC_NAME = 1, 1, 2, 2, 1, 1, 1, 1
SCALARS = frozenset({"string_value", "bool_value", "int_value", "double_value"})
Value = int | memoryview
Read = TypeVar("Read", Span, LogRecord, Metric)


class MalformedProtobuf(MalformedBody):
    """The body is not an OTLP request in protobuf."""

    code = "malformed_protobuf"


class Item(NamedTuple):
    """A span, log record or metric undecoded, with its position among all of the request."""

    position: int
    message: memoryview
    resource: dict[str, Scalar]
    instrumentation: str


def read_spans(body: bytes, spans_max: int) -> Iterator[Span]:
    """The spans of a trace request. Raises MalformedProtobuf, and TooManyRecords above `spans_max`."""
    return _read(body, spans_max, _span)


def read_log_records(body: bytes, records_max: int) -> Iterator[LogRecord]:
    """As `read_spans`, of a request with logs."""
    return _read(body, records_max, _log_record)


def read_metrics(body: bytes, metrics_max: int) -> Iterator[Metric]:
    """As `read_spans`, of a request with metrics."""
    return _read(body, metrics_max, _metric)


def _read(
    body: bytes, items_max: int, read: Callable[[int, memoryview, dict[str, Scalar], str], Read]
) -> Iterator[Read]:
    try:
        for item in _items(body, items_max):
            yield read(*item)
    except (DecodeError, UnicodeDecodeError):
        raise MalformedProtobuf("The body is not an OTLP request in protobuf.") from None


def _items(body: bytes, items_max: int) -> Iterator[Item]:
    index = 0
    for number, of_resource in enumerate(_messages(memoryview(body), RESOURCES)):
        if number >= items_max:
            raise too_many(items_max)
        resource: dict[str, Scalar] = {}
        for message in _messages(of_resource, RESOURCE):
            resource |= _attributes(islice(_messages(message, RESOURCE_ATTRIBUTES), ATTRIBUTES_MAX))
        for of_scope in _messages(of_resource, SCOPES):
            instrumentation = _instrumentation(of_scope)
            for message in _messages(of_scope, ITEMS):
                if index >= items_max:
                    raise too_many(items_max)
                yield Item(index, message, resource, instrumentation)
                index += 1


def _instrumentation(of_scope: memoryview) -> str:
    """The name of the scope, cut where it is longer than a name."""
    for scope in _messages(of_scope, SCOPE):
        for name in _messages(scope, SCOPE_NAME):
            return bytes(name[:NAME_BYTES_MAX]).decode(errors="replace")
    return ""


def _span(index: int, message: memoryview, resource: dict[str, Scalar], instrumentation: str) -> Span:
    fields = _Fields(message, SpanMessage.DESCRIPTOR)
    return Span(
        index=index,
        trace_id=known_identifier(fields.octets("trace_id"), TRACE_ID_BYTES),
        span_id=known_identifier(fields.octets("span_id"), SPAN_ID_BYTES),
        parent_id=known_identifier(fields.octets("parent_span_id"), SPAN_ID_BYTES),
        is_client=fields.whole("kind") == SpanMessage.SPAN_KIND_CLIENT,
        has_failed=_code(fields.message("status")) == Status.STATUS_CODE_ERROR,
        started_ns=fields.whole("start_time_unix_nano"),
        ended_ns=fields.whole("end_time_unix_nano"),
        attributes=_attributes(fields.attributes),
        resource=resource,
        instrumentation=instrumentation,
    )


def _log_record(index: int, message: memoryview, resource: dict[str, Scalar], instrumentation: str) -> LogRecord:
    fields = _Fields(message, LogMessage.DESCRIPTOR)
    return LogRecord(
        index=index,
        event_name=fields.octets("event_name").decode(),
        trace_id=known_identifier(fields.octets("trace_id"), TRACE_ID_BYTES),
        at_ns=fields.whole("time_unix_nano"),
        observed_ns=fields.whole("observed_time_unix_nano"),
        attributes=_attributes(fields.attributes, is_read_of_event),
        resource=resource,
        instrumentation=instrumentation,
    )


def _metric(index: int, message: memoryview, resource: dict[str, Scalar], instrumentation: str) -> Metric:
    name = next((bytes(text[:NAME_BYTES_MAX]) for text in _messages(message, METRIC_NAME)), b"")
    return Metric(index, name.decode(errors="replace"), resource, instrumentation)


class _Fields:
    """The fields of a message by name, of a repeated one the last; its attributes undecoded."""

    def __init__(self, message: memoryview, descriptor: Descriptor) -> None:
        self._numbers = descriptor.fields_by_name
        self._values: dict[int, Value] = {}
        self.attributes: list[memoryview] = []
        of_attributes = self._numbers["attributes"].number
        for number, value in _fields(message):
            if number != of_attributes:
                self._values[number] = value
            elif isinstance(value, memoryview) and len(self.attributes) < ATTRIBUTES_MAX:
                self.attributes.append(value)

    def whole(self, name: str) -> int:
        value = self._values.get(self._numbers[name].number)
        return value if isinstance(value, int) else 0

    def message(self, name: str) -> memoryview:
        value = self._values.get(self._numbers[name].number)
        return value if isinstance(value, memoryview) else memoryview(b"")

    def octets(self, name: str) -> bytes:
        value = self.message(name)
        return bytes(value) if len(value) <= NAME_BYTES_MAX else b""


def _code(status: memoryview) -> int:
    number = Status.DESCRIPTOR.fields_by_name["code"].number
    return next((value for field, value in _fields(status) if field == number and isinstance(value, int)), 0)


def _attributes(messages: Iterable[memoryview], is_wanted: Callable[[str], bool] = is_read) -> dict[str, Scalar]:
    """Attributes that are read and have a plain value; of a repeated name the last."""
    attributes: dict[str, Scalar] = {}
    for message in messages:
        name, value = "", None
        for number, part in _fields(message):
            if not isinstance(part, memoryview):
                continue
            if number == 1 and len(part) <= NAME_BYTES_MAX:
                name = bytes(part).decode()
            elif number == 2:  # noqa: PLR2004  # KeyValue: 1 key, 2 value
                value = part
        if value is not None and len(value) <= ATTRIBUTE_BYTES_MAX and is_wanted(name):
            decoded = AnyValue.FromString(bytes(value))
            kind = decoded.WhichOneof("value")
            if kind in SCALARS:
                attributes[name] = getattr(decoded, kind)
    return attributes


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field; groups, which no OTLP message has, are refused."""
    position, end = 0, len(message)
    while position < end:
        key, position = message[position], position + 1
        if key > 0x7F:  # noqa: PLR2004  # the highest bit says that more follows
            key, position = _varint(message, position - 1)
        value: Value
        match key & 7:
            case 0:
                value, position = _varint(message, position)
            case 1:
                value, position = int.from_bytes(message[position : position + 8], "little"), position + 8
            case 2:
                length = message[position] if position < end else LONGER
                if length < LONGER:
                    position += 1
                else:
                    length, position = _varint(message, position)
                value, position = message[position : position + length], position + length
            case 5:
                value, position = int.from_bytes(message[position : position + 4], "little"), position + 4
            case _:
                raise DecodeError
        if position > end or not key >> 3:
            raise DecodeError
        yield key >> 3, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    number = 0
    for byte_index, byte in enumerate(message[position : position + VARINT_BYTES_MAX]):
        number |= (byte & 0x7F) << (7 * byte_index)
        if byte < 0x80:  # noqa: PLR2004  # the highest bit says that more follows
            return number, position + byte_index + 1
    raise DecodeError
