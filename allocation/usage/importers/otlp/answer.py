"""What OTLP says a receiver answers, in the encoding it was asked in."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from allocation.usage.operations import Rejection

# Field 2 of google.rpc.Status, `message`, as text; OTLP lets `code` be left out.
_MESSAGE_KEY = b"\x12"
SPANS_NAMED = 5


def as_message(rejected: Sequence[Rejection]) -> bytes:
    """An ExportTraceServiceResponse; empty when every span was taken."""
    if not rejected:
        return b""
    partial = ExportTracePartialSuccess(rejected_spans=len(rejected), error_message=sentence(rejected))
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


def as_json(rejected: Sequence[Rejection]) -> dict[str, Any]:
    if not rejected:
        return {}
    # 64-bit integers are texts in protobuf's JSON.
    return {"partialSuccess": {"rejectedSpans": str(len(rejected)), "errorMessage": sentence(rejected)}}


def sentence(rejected: Sequence[Rejection]) -> str:
    counts = ", ".join(f"{code} {count}" for code, count in sorted(Counter(one.code for one in rejected).items()))
    named = " ".join(f"Span {one.index}: {one.message}" for one in rejected[:SPANS_NAMED])
    return f"Waiting in quarantine: {counts}. {named}"


def status_message(message: str) -> bytes:
    """A google.rpc.Status, the body of every refusal in protobuf."""
    text = message.encode()
    return _MESSAGE_KEY + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:  # noqa: PLR2004  # the highest bit says that more follows
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
