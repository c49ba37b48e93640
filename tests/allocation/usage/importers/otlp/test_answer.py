from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UncountedTelemetry, UsageRecord
from tests.allocation.otlp_bodies import NOW, PROTOBUF, chat, log_record, logs, metrics, request, span
from tests.allocation.usage.importers.otlp.read import post
from tests.allocation.usage.importers.otlp.test_events import CLAUDE_CALL, CLAUDE_CODE

RESPONSES: dict[str, Any] = {
    "traces": ExportTraceServiceResponse, "logs": ExportLogsServiceResponse, "metrics": ExportMetricsServiceResponse,
}  # fmt: skip
REJECTED = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}


def test_the_answer_is_otlps_in_the_encoding_of_the_question(sender: APIClient) -> None:
    body = request(span(1, chat()), span(2, {"http.route": "/"}), span(3, chat(), at=NOW + timedelta(days=1)))
    plain = post(sender, body)
    assert (plain.status_code, plain["Content-Type"]) == (200, "application/json")
    assert plain.json() == {
        "partialSuccess": {
            "rejectedSpans": "1",
            "errorMessage": "Waiting in quarantine: occurred_in_future 1. Span 2: occurred_at is in the future.",
        }
    }
    packed = post(sender, body, protobuf=True)
    assert (packed.status_code, packed["Content-Type"]) == (200, PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(packed.content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, plain.json()["partialSuccess"]["errorMessage"])
    assert [(row.code, row.source_format, row.seen_count) for row in QuarantinedUsage.objects.all()] == [
        ("occurred_in_future", "otlp", 2)
    ]
    assert UsageRecord.objects.count() == 1


@pytest.mark.parametrize("protobuf", [False, True])
def test_all_taken_answers_an_empty_message(sender: APIClient, protobuf: bool) -> None:
    for body in (request(span(1, chat())), request(), {}):
        answer = post(sender, body, protobuf=protobuf)
        assert (answer.status_code, answer.content) == (200, b"" if protobuf else b"{}")
    assert not UncountedTelemetry.objects.exists()


SILENT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
NOTHING = "Received, and nothing of it counts as usage: "


@pytest.mark.parametrize(
    ("signal", "body", "message", "reason"),
    [
        pytest.param(
            "traces", request(span(1, {"http.route": "/"}), span(2, {})),
            "2 spans of x (no model call).", "no_model_call", id="a web server's spans",
        ),
        pytest.param(
            "traces", request(span(1, SILENT)),
            "1 span of x (model calls of which nobody states the tokens; recorded as unmeasured).", "usage_not_stated",
            id="a call without usage",
        ),
        pytest.param(
            "logs", logs(log_record("user_prompt", {}), scope=CLAUDE_CODE),
            f"1 log record of {CLAUDE_CODE} (no model call).", "no_model_call", id="a prompt's event",
        ),
        pytest.param(
            "metrics", metrics("claude_code.token.usage", "claude_code.cost.usage", scope="com.anthropic.claude_code"),
            "2 metrics of com.anthropic.claude_code (sums of calls that spans or log events tell of one by one; send"
            " those).", "metric", id="metrics",
        ),
    ],
)  # fmt: skip
def test_a_request_of_which_nothing_counts_says_so_and_is_remembered(
    sender: APIClient, caplog: pytest.LogCaptureFixture, signal: str, body: dict[str, Any], message: str, reason: str
) -> None:
    plain = post(sender, body, signal=signal)
    assert plain.status_code == 200
    assert plain.json() == {"partialSuccess": {REJECTED[signal]: "0", "errorMessage": NOTHING + message}}
    assert [record.levelname for record in caplog.records if message in record.getMessage()] == ["WARNING"]
    packed = post(sender, body, protobuf=True, signal=signal)
    assert RESPONSES[signal].FromString(packed.content).partial_success.error_message == NOTHING + message
    row = UncountedTelemetry.objects.get()
    assert (row.signal, row.reason, row.requests_count) == (signal, reason, 2)


def test_what_is_beside_a_call_is_no_gap(sender: APIClient) -> None:
    spans = request(span(1, chat()), span(2, {"http.route": "/"}), span(3, SILENT))
    events = logs(log_record("api_request", CLAUDE_CALL), log_record("user_prompt", {}), scope=CLAUDE_CODE)

    assert [post(sender, spans).json(), post(sender, events, signal="logs").json()] == [{}, {}]
    assert post(sender, events, signal="logs").json() == {}
    assert (UsageRecord.objects.count(), UncountedTelemetry.objects.count()) == (3, 0)


def test_many_emitters_are_named_as_far_as_they_can_be_read(sender: APIClient) -> None:
    body = {
        "resourceSpans": [
            {"scopeSpans": [{"scope": {"name": f"library-{number}"}, "spans": [span(number, {})]}]}
            for number in range(1, 9)
        ]
    }
    message = post(sender, body).json()["partialSuccess"]["errorMessage"]

    assert (message.count("(no model call)"), message.endswith("; and 3 more kinds.")) == (5, True)
    assert UncountedTelemetry.objects.count() == 8
