"""The responses that OTLP specifies, in the request's encoding."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from allocation.usage.importers.otlp.reading import PassedOver, Reason
from allocation.usage.importers.otlp.signals import Signal
from allocation.usage.operations import Rejection

# Field 2 of google.rpc.Status, `message`, as text; OTLP lets `code` be left out.
_MESSAGE_KEY = b"\x12"
NAMED = 5
# The name in JSON of how many were refused, and what one of them is called.
COUNTED_AS: Mapping[Signal, tuple[str, str]] = {
    "traces": ("rejectedSpans", "span"),
    "logs": ("rejectedLogRecords", "log record"),
    "metrics": ("rejectedDataPoints", "metric"),
}
REASONS: Mapping[Reason, str] = {
    "no_model_call": "no model call",
    "told_by_events": "what this program's log events tell too; send its logs to /v1/logs",
    "orchestration": "agents and tools without their model calls; trace the model's SDK beside them",
    "usage_not_stated": "model calls of which nobody states the tokens; recorded as unmeasured",
    "metric": "sums of calls that spans or log events tell of one by one; send those",
}


class _Message(Protocol):
    def SerializeToString(self) -> bytes: ...  # noqa: N802  # protobuf's name


def as_message(signal: Signal, rejected: int, message: str) -> bytes:
    """An Export…ServiceResponse in protobuf; empty when there is nothing to say."""
    if not message:
        return b""
    answer: _Message
    match signal:
        case "traces":
            spans = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
            answer = ExportTraceServiceResponse(partial_success=spans)
        case "logs":
            records = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
            answer = ExportLogsServiceResponse(partial_success=records)
        case "metrics":
            points = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
            answer = ExportMetricsServiceResponse(partial_success=points)
    return answer.SerializeToString()


def as_json(signal: Signal, rejected: int, message: str) -> dict[str, Any]:
    """An Export…ServiceResponse in JSON; empty when there is nothing to say."""
    # 64-bit integers are texts in protobuf's JSON.
    counted, _ = COUNTED_AS[signal]
    return {"partialSuccess": {counted: str(rejected), "errorMessage": message}} if message else {}


def refusals(signal: Signal, rejected: Sequence[Rejection]) -> str:
    """How many were refused for each reason, and the first of them with theirs; empty for none."""
    if not rejected:
        return ""
    counts = ", ".join(
        f"{code} {count}" for code, count in sorted(Counter(rejection.code for rejection in rejected).items())
    )
    what = COUNTED_AS[signal][1].capitalize()
    named = " ".join(f"{what} {rejection.index}: {rejection.message}" for rejection in rejected[:NAMED])
    return f"Waiting in quarantine: {counts}. {named}"


def nothing_counts(signal: Signal, uncounted: Mapping[PassedOver, int]) -> str:
    """That nothing of a request counts, and why: as OTLP has it, a warning beside none rejected."""
    what = COUNTED_AS[signal][1]
    reasons = [
        f"{count:,} {what if count == 1 else f'{what}s'} of {passed.emitter or 'no named instrumentation'}"
        f" ({REASONS[passed.reason]})"
        for passed, count in sorted(uncounted.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    more = f"; and {len(reasons) - NAMED:,} more kinds" if len(reasons) > NAMED else ""
    return f"Received, and nothing of it counts as usage: {'; '.join(reasons[:NAMED])}{more}."


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
