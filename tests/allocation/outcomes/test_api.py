import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.outcomes.reported import outcome, record, typed


def test_array_object_and_lines_over_http(acme: Scope, client_of: Client) -> None:
    http: APIClient = client_of(acme)
    now = timezone.now().isoformat()
    fresh = [json.dumps(outcome(occurred_at=now)).encode() for _ in range(4)]
    answers = [
        http.generic("POST", "/api/v1/outcomes", body, kind)
        for body, kind in (
            (b"[" + fresh[0] + b"," + fresh[1] + b"]", "application/json"),
            (fresh[2], "application/json"),
            (fresh[3] + b"\n\n" + fresh[0] + b"\n", "application/x-ndjson"),
            (b"\n", "application/x-ndjson"),
            (fresh[0], "text/plain"),
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 415]
    assert [(answer.json()["accepted"], answer.json()["duplicate"]) for answer in answers[:3]] == [
        (2, 0),
        (1, 0),
        (1, 1),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_is_narrowed_and_costs_the_same_for_one_and_three(acme: Scope, client_of: Client, count: int) -> None:
    record(acme, *(typed(task_ids=["t1"]) for _ in range(count)), typed(success=False), typed(scope="acme/ads"))
    http = client_of(acme)
    query = "scope=acme/search&from=2026-11-24&to=2026-11-25&success=true&name=ticket_resolved&task_id=t1"
    http.get(f"/api/v1/outcomes?{query}")
    with CaptureQueriesContext(connection) as queries:
        rows = http.get(f"/api/v1/outcomes?{query}").json()["results"]
    assert [(row["scope"], row["success"], row["task_ids"]) for row in rows] == [("acme/search", True, ["t1"])] * count
    assert len(queries) == 6
    assert http.get("/api/v1/outcomes?to=2026-11-24").json()["results"] == []
