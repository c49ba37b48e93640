"""OTLP requests for tests, in JSON as OTLP writes it and in protobuf as Google's own library does."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = "application/x-protobuf"
TRACE = "5b8efff798038103d269b633813fc60c"
NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=2)
MESSAGES: dict[str, Any] = {
    "resourceSpans": ExportTraceServiceRequest,
    "resourceLogs": ExportLogsServiceRequest,
    "resourceMetrics": ExportMetricsServiceRequest,
}
KINDS = {"internal": 1, "server": 2, "client": 3}


def value_of(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": value_of(value)} for name, value in attributes.items()]


def nanoseconds(at: datetime) -> int:
    return int(at.timestamp()) * 10**9 + at.microsecond * 1000


def span(
    number: int,
    told: dict[str, Any],
    *,
    parent: int = 0,
    kind: str = "client",
    at: datetime = NOW,
    lasted_ms: int = 250,
    failed: bool = False,
    trace_id: str = TRACE,
    **more: Any,
) -> dict[str, Any]:
    start = nanoseconds(at)
    made = {
        "traceId": trace_id,
        "spanId": f"{number:016x}",
        "name": "a span",
        "kind": KINDS[kind],
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + lasted_ms * 10**6),
        "attributes": pairs(told),
        "status": {"code": 2, "message": "no text of an error is read"} if failed else {},
    }
    return {**made, **({"parentSpanId": f"{parent:016x}"} if parent else {}), **more}


def chat(**changes: Any) -> dict[str, Any]:
    """1,000 tokens in, 100 out, on gpt-4o at $2.50 and $10: $0.0035."""
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100,
    } | {name.replace("__", "."): value for name, value in changes.items()}  # fmt: skip


def request(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> dict[str, Any]:
    described = {"attributes": pairs({"service.name": "shop", **(resource or {})})}
    return {"resourceSpans": [{"resource": described, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}]}


def log_record(name: str, told: dict[str, Any], *, at: datetime = NOW, **more: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(nanoseconds(at)),
        "observedTimeUnixNano": str(nanoseconds(at)),
        "body": {"stringValue": "no text of a body is read"},
        "attributes": pairs({"event.name": name, **told}),
        **more,
    }


def logs(*records: dict[str, Any], scope: str = "x", resource: dict[str, Any] | None = None) -> dict[str, Any]:
    described = {"attributes": pairs({"service.name": "agent", **(resource or {})})}
    return {
        "resourceLogs": [
            {"resource": described, "scopeLogs": [{"scope": {"name": scope}, "logRecords": list(records)}]}
        ]
    }


def metrics(*names: str, scope: str = "x") -> dict[str, Any]:
    """Sums with a point each."""
    point = {"timeUnixNano": str(nanoseconds(NOW)), "asInt": "1000", "attributes": pairs({"model": "gpt-4o"})}
    told = [{"name": name, "sum": {"dataPoints": [point], "aggregationTemporality": 1}} for name in names]
    return {"resourceMetrics": [{"scopeMetrics": [{"scope": {"name": scope}, "metrics": told}]}]}


def as_json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def as_protobuf(body: dict[str, Any]) -> bytes:
    """Protobuf's own JSON, which the library reads, writes ids as base64; OTLP's as hexadecimal."""
    kind = MESSAGES[next(iter(body), "resourceSpans")]
    packed: bytes = ParseDict(_with_base64(body), kind(), ignore_unknown_fields=True).SerializeToString()
    return packed


def _with_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode()
        if name in {"traceId", "spanId", "parentSpanId"} and len(item) in {16, 32}
        else _with_base64(item)
        for name, item in value.items()
    }
