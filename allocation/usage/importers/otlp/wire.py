"""OTLP in protobuf. Outer messages are parsed field by field and only a span's known attributes are decoded: a body of
one megabyte can hold a million empty messages, which fill hundreds of megabytes when decoded at once.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from allocation.usage.importers.incoming import MalformedBody, too_many
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
NAME_BYTES_MAX = 256
# Numbers of fields, from the published opentelemetry/proto files.
RESOURCE_SPANS, RESOURCE, SCOPE_SPANS, SPANS, RESOURCE_ATTRIBUTES, SCOPE, SCOPE_NAME = 1, 1, 2, 2, 1, 1, 1
SCALARS = frozenset({"string_value", "bool_value", "int_value", "double_value"})
Value = int | memoryview


class MalformedProtobuf(MalformedBody):
    """The body is not an OTLP trace request in protobuf."""

    code = "malformed_protobuf"


def read_spans(body: bytes, spans_max: int) -> Iterator[Span]:
    """The spans of a trace request. Raises MalformedProtobuf, and TooManyRecords above `spans_max`."""
    index = 0
    try:
        for number, resource_spans in enumerate(_messages(memoryview(body), RESOURCE_SPANS)):
            if number >= spans_max:
                raise too_many(spans_max)
            resource: dict[str, Scalar] = {}
            for message in _messages(resource_spans, RESOURCE):
                resource |= _attributes(islice(_messages(message, RESOURCE_ATTRIBUTES), ATTRIBUTES_MAX))
            for scope_spans in _messages(resource_spans, SCOPE_SPANS):
                instrumentation = _instrumentation(scope_spans)
                for message in _messages(scope_spans, SPANS):
                    if index >= spans_max:
                        raise too_many(spans_max)
                    yield _span(index, message, resource, instrumentation)
                    index += 1
    except (DecodeError, UnicodeDecodeError):
        raise MalformedProtobuf("The body is not an OTLP trace request in protobuf.") from None


def _instrumentation(scope_spans: memoryview) -> str:
    """The name of the scope, cut where it is longer than a name."""
    for scope in _messages(scope_spans, SCOPE):
        for name in _messages(scope, SCOPE_NAME):
            return bytes(name[:NAME_BYTES_MAX]).decode(errors="replace")
    return ""


def _span(index: int, message: memoryview, resource: dict[str, Scalar], instrumentation: str) -> Span:
    names = Message.DESCRIPTOR.fields_by_name
    values: dict[int, Value] = {}
    attributes: list[memoryview] = []
    for number, value in _fields(message):
        if number != names["attributes"].number:
            values[number] = value
        elif isinstance(value, memoryview) and len(attributes) < ATTRIBUTES_MAX:
            attributes.append(value)

    def whole(name: str) -> int:
        value = values.get(names[name].number)
        return value if isinstance(value, int) else 0

    def octets(name: str) -> bytes:
        value = values.get(names[name].number)
        return bytes(value) if isinstance(value, memoryview) and len(value) <= NAME_BYTES_MAX else b""

    status = values.get(names["status"].number)
    return Span(
        index=index,
        trace_id=known_identifier(octets("trace_id"), TRACE_ID_BYTES),
        span_id=known_identifier(octets("span_id"), SPAN_ID_BYTES),
        parent_id=known_identifier(octets("parent_span_id"), SPAN_ID_BYTES),
        is_client=whole("kind") == Message.SPAN_KIND_CLIENT,
        has_failed=isinstance(status, memoryview) and _code(status) == Status.STATUS_CODE_ERROR,
        started_ns=whole("start_time_unix_nano"),
        ended_ns=whole("end_time_unix_nano"),
        attributes=_attributes(attributes),
        resource=resource,
        instrumentation=instrumentation,
    )


def _code(status: memoryview) -> int:
    number = Status.DESCRIPTOR.fields_by_name["code"].number
    return next((value for field, value in _fields(status) if field == number and isinstance(value, int)), 0)


def _attributes(messages: Iterable[memoryview]) -> dict[str, Scalar]:
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
        if value is not None and len(value) <= ATTRIBUTE_BYTES_MAX and is_read(name):
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
        key, position = _varint(message, position)
        value: Value
        match key & 7:
            case 0:
                value, position = _varint(message, position)
            case 1:
                value, position = int.from_bytes(message[position : position + 8], "little"), position + 8
            case 2:
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
