from datetime import timedelta

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageRecord
from tests.allocation.otlp_bodies import NOW, PROTOBUF, chat, request, span
from tests.allocation.usage.importers.otlp.read import post


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
