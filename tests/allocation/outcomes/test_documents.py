import json
from typing import Any

import pytest

from allocation.quarantine.models import QuarantinedUsage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client
from tests.allocation.outcomes.reported import outcome


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        pytest.param({"name": "The customer said thanks"}, "invalid_text", "name", id="a sentence for a name"),
        pytest.param({"comment": "great"}, "unknown_field", "comment", id="free text"),
        pytest.param({"safety_flags": ["he said no"]}, "invalid_text", "safety_flags", id="text as a flag"),
        pytest.param({"quality_score": "1.01"}, "out_of_range", "quality_score", id="better than all"),
        pytest.param({"quantity": 0}, "out_of_range", "quantity", id="none of them"),
        pytest.param({"kind": "wish"}, "unknown_value", "kind", id="another kind"),
        pytest.param({"value": {"amount": "-1", "currency": "USD"}}, "out_of_range", "value", id="a loss"),
        pytest.param({"value": {"amount": "1", "currency": "EUR"}}, "currency_mismatch", "value.currency", id="euros"),
        pytest.param({"occurred_at": "2026-11-24"}, "invalid_time", "occurred_at", id="a day"),
        pytest.param({"occurred_at": "2026-12-24T00:00:00Z"}, "occurred_in_future", "occurred_at", id="tomorrow"),
        pytest.param({"scope": "acme/nowhere"}, "scope_unknown", "scope", id="no such scope"),
    ],
)
def test_what_is_no_outcome_is_quarantined_with_its_reason_and_no_text(
    acme: Scope, client_of: Client, time_machine: Any, changes: dict[str, Any], code: str, field: str
) -> None:
    time_machine.move_to(AT, tick=False)
    answer = client_of(acme).post("/api/v1/outcomes", [outcome(**changes), outcome()], format="json")
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [(each["index"], each["code"], each["field"]) for each in answer.json()["rejected"]] == [(0, code, field)]
    kept = QuarantinedUsage.objects.get()
    assert (kept.source_format, kept.code) == ("outcome", code)
    assert "great" not in json.dumps(kept.payload)


def test_success_is_said_and_not_supposed(acme: Scope, client_of: Client) -> None:
    silent = outcome()
    del silent["success"]
    answer = client_of(acme).post("/api/v1/outcomes", silent, format="json").json()
    assert [(each["code"], each["field"]) for each in answer["rejected"]] == [("missing_field", "success")]
