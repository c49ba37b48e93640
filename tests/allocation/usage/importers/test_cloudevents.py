"""CloudEvents 1.0 to `POST /api/v1/usage`: one structured event, or a batch."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.incoming import RECORD_BYTES_MAX
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client, document
from tests.allocation.otlp_bodies import NOW
from tests.allocation.usage.sent_bodies import counts

ONE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


@pytest.fixture
def sender(acme: Scope, client_of: Client) -> APIClient:
    return client_of(acme)


def envelope(*, data: Any = None, **changes: Any) -> dict[str, Any]:
    usage = {name: value for name, value in document().items() if name not in {"id", "source", "occurred_at"}}
    made = {
        "specversion": "1.0", "type": "weir.usage.v1", "id": "event-1", "source": "https://gateway.example/a",
        "time": NOW.isoformat(), "datacontenttype": "application/json", "subject": "not read",
        "data": usage if data is None else data,
    } | changes  # fmt: skip
    return {name: value for name, value in made.items() if value is not ...}


def post(sender: APIClient, body: Any, kind: str = BATCH) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sender.generic("POST", "/api/v1/usage", raw, kind)


def stored() -> list[tuple[str, str, str]]:
    return [(row.event_id, row.source, row.occurred_at.isoformat()) for row in UsageRecord.objects.order_by("event_id")]


def test_the_envelope_gives_the_identity_that_data_leaves_out(sender: APIClient) -> None:
    assert counts(post(sender, envelope(), ONE)) == (1, 0, [])
    assert counts(post(sender, envelope(), f"{ONE}; charset=utf-8")) == (0, 1, [])
    assert counts(post(sender, [envelope()])) == (0, 1, [])
    assert stored() == [("event-1", "https://gateway.example/a", NOW.isoformat())]
    assert UsageRecord.objects.get().scope.path == "acme/search"


def test_what_data_states_itself_holds(sender: APIClient) -> None:
    own = document(id="call-a", source="gateway", occurred_at=NOW.isoformat())
    native = sender.generic("POST", "/api/v1/usage", json.dumps(own), "application/json")
    assert counts(native) == (1, 0, [])
    assert counts(post(sender, [envelope(data=own, time="2020-01-01T00:00:00Z")])) == (0, 1, [])


@pytest.mark.parametrize(
    ("event", "code"),
    [
        pytest.param(envelope(type="com.example.sold"), "event_type_unknown", id="somebody else's type"),
        pytest.param(envelope(type="weir.usage.v2"), "event_type_unknown", id="a later type"),
        pytest.param(envelope(specversion="0.3"), "specversion_unknown", id="an old version"),
        pytest.param(envelope(specversion=1.0), "specversion_unknown", id="a version as a number"),
        pytest.param(envelope(id=...), "missing_field", id="no id"),
        pytest.param(envelope(source=""), "missing_field", id="an empty source"),
        pytest.param(envelope(type=["weir.usage.v1"]), "missing_field", id="a type that is a list"),
        pytest.param(envelope(data=...), "data_missing", id="no data"),
        pytest.param(envelope(data="text"), "data_missing", id="text for data"),
        pytest.param(envelope(data=..., data_base64="e30="), "data_missing", id="data in base64"),
        pytest.param(envelope(time=...), "missing_field", id="no time anywhere"),
        pytest.param(envelope(time="yesterday"), "invalid_time", id="no time"),
        pytest.param(envelope(data={"provider": "openai"}), "missing_field", id="half a usage event"),
        pytest.param(envelope(data={"prompt": "words", **envelope()["data"]}), "unknown_field", id="an unknown field"),
        pytest.param("text", "not_an_object", id="a text"),
        pytest.param(envelope(subject="x" * RECORD_BYTES_MAX), "record_too_large", id="too large"),
    ],
)
def test_a_bad_event_is_refused_beside_a_good_one(sender: APIClient, event: Any, code: str) -> None:
    assert counts(post(sender, [event, envelope(id="good")])) == (1, 0, [(0, code)])
    kept = QuarantinedUsage.objects.get()
    assert (kept.code, kept.source_format) == (code, "cloudevents")
    assert "words" not in json.dumps(kept.payload)


def test_a_batch_is_not_one_event(sender: APIClient) -> None:
    answer = post(sender, b" \n[]", ONE)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert counts(post(sender, [])) == (0, 0, [])
