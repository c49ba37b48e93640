"""The response that OTLP specifies, in the request's encoding."""

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
    """An ExportTraceServiceResponse in protobuf; empty when every span was accepted."""
    if not rejected:
        return b""
    partial = ExportTracePartialSuccess(rejected_spans=len(rejected), error_message=sentence(rejected))
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


def as_json(rejected: Sequence[Rejection]) -> dict[str, Any]:
    """An ExportTraceServiceResponse in JSON; empty when every span was accepted."""
    if not rejected:
        return {}
    # 64-bit integers are texts in protobuf's JSON.
    return {"partialSuccess": {"rejectedSpans": str(len(rejected)), "errorMessage": sentence(rejected)}}


def sentence(rejected: Sequence[Rejection]) -> str:
    """How many spans were refused for each reason, and the first of them with theirs."""
    counts = ", ".join(
        f"{code} {count}" for code, count in sorted(Counter(rejection.code for rejection in rejected).items())
    )
    named = " ".join(f"Span {rejection.index}: {rejection.message}" for rejection in rejected[:SPANS_NAMED])
    return f"Waiting in quarantine: {counts}. {named}"


def status_message(message: str) -> bytes:
    """A google.rpc.Status in protobuf, the body of every refused request."""
    text = message.encode()
    return _MESSAGE_KEY + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:  # noqa: PLR2004  # the highest bit says that more follows
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
