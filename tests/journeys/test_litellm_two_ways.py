"""A LiteLLM proxy that tells of its calls twice, by its callback and by its traces: every call is counted once, and
the same, whichever way came first.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.journeys.installation import ROOT, Installation

SAMPLES = ROOT.parent / "shared/data/litellm"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("journeys"),
    pytest.mark.skipif(not SAMPLES.exists(), reason="the shared sample data is not here"),
]

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: NAME}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Scope
metadata: {name: NAME/bench}
spec: {kind: team}
---
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: NAME}
spec:
  organisation: NAME
  rules:
    - {when: {team: t-bench}, scope: NAME/bench}
"""
TRACES = ("otlp_traces_v1", "otlp_traces_v2_1", "otlp_traces_v2_2", "otlp_traces_v2_3")
RECORDS = """
    SELECT event_id, source, occurred_at, substr(s.path, %s), attributes - 'end_user' - 'user', provider,
        model, operation, service_tier, status, task_id, session_id, input_tokens, cached_input_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, requests, latency_ms, cost, price_source
    FROM allocation_usagerecord r JOIN governance_scope s ON s.id = r.scope_id WHERE starts_with(s.path, %s)
    ORDER BY event_id
"""
SUMS = """
    SELECT bucket, substr(s.path, %s), provider, model, requests, errors, unpriced_requests, input_tokens,
        cached_input_tokens, output_tokens, reasoning_tokens, cost
    FROM allocation_usageday d JOIN governance_scope s ON s.id = d.scope_id WHERE starts_with(s.path, %s)
    ORDER BY 1, 2, 3, 4
"""


def counted(weir: Installation, name: str) -> tuple[Any, Any]:
    weir.wait_for_fold()
    return tuple(weir.query(sql, len(name) + 1, name) for sql in (RECORDS, SUMS))  # type: ignore[return-value]


def _of_json(content: bytes) -> ExportTraceServiceResponse:
    return ParseDict(json.loads(content), ExportTraceServiceResponse())


def post_traces(weir: Installation, key: str, *, packed: bool) -> None:
    for name in TRACES:
        body = (SAMPLES / f"{name}.json").read_bytes()
        kind = "application/json"
        if packed:
            # LiteLLM writes protobuf's own JSON, which is what the library reads.
            body = ParseDict(json.loads(body), ExportTraceServiceRequest()).SerializeToString()
            kind = "application/x-protobuf"
        answer = requests.post(
            f"{weir.url}/api/v1/otlp/v1/traces?price=billed",
            data=body,
            headers={"Authorization": f"Bearer {key}", "Content-Type": kind},
            timeout=30,
        )
        read = ExportTraceServiceResponse.FromString if packed else _of_json
        said = read(answer.content).partial_success
        assert (answer.status_code, said.rejected_spans) == (200, 0)
        # Spans of the web server alone come in requests of their own, and the answer says that none of them counts.
        assert said.error_message == "" or said.error_message.endswith("(no model call).")


def post_payloads(weir: Installation, key: str) -> None:
    for name in ("small", "batch"):
        captured: Any = json.loads((SAMPLES / f"logging_payload_{name}.json").read_text())
        assert weir.post("/api/v1/usage/litellm?price=billed", captured, key=key).json()["rejected"] == []


def test_told_twice_counted_once_in_either_order(weir: Installation) -> None:
    told = []
    for order in ("callback", "traces"):
        name = f"twice-{order}"
        weir.apply(ORGANISATION.replace("NAME", name), name=f"{name}.yaml")
        key = weir.key(name, "usage:write", "usage:read")
        ways = [lambda key=key: post_payloads(weir, key), lambda key=key: post_traces(weir, key, packed=True)]
        for way in ways if order == "callback" else reversed(ways):
            way()
        after_both = counted(weir, name)
        # A third telling, and each way again, changes nothing.
        post_traces(weir, key, packed=False)
        post_payloads(weir, key)
        assert counted(weir, name) == after_both
        told.append(after_both)
    assert told[0] == told[1]
    records, sums = told[0]
    # 4 calls told both ways, 47 by the callback alone, 2 by the second set of traces alone.
    assert (len(records), sum(row[4] for row in sums)) == (53, 53)
    assert [sum(row[3] == place for row in records) for place in ("/bench", "/unattributed")] == [6, 47]
