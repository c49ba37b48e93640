import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from allocation.meters.documents import UsageEvent, read_event
from allocation.outcomes.importers.outcomes import IncomingOutcomes
from allocation.outcomes.models import Outcome
from allocation.usage.models import ImportRun
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, document
from tests.allocation.outcomes.reported import outcome

HEAD = (
    "id,source,occurred_at,name,scope,success,quantity,quality_score,safety_flags,task_ids,value.amount,value.currency"
)


CSV = f"""{HEAD}
1,crm,2026-11-24T10:00:00Z,sale,acme/ads,yes,2,0.5,pii; refused,t1;t2,19.90,USD
2,crm,2026-11-24T10:00:00Z,sale,acme/ads,no,,,,,,
3,crm,2026-11-24T10:00:00Z,sale,acme/ads,maybe,,,,,,
"""


def test_a_csv_file_and_json_lines_mean_the_same(
    acme: Scope, tmp_path: Path, capsys: pytest.CaptureFixture[str], time_machine: Any
) -> None:
    time_machine.move_to(AT, tick=False)
    table, lines = tmp_path / "sales.csv", tmp_path / "sales.jsonl"
    table.write_text(CSV)
    first = outcome(
        id="1", source="crm", occurred_at="2026-11-24T10:00:00Z", name="sale", scope="acme/ads", quantity=2,
        quality_score="0.5", safety_flags=["pii", "refused"], task_ids=["t1", "t2"],
        value={"amount": "19.90", "currency": "USD"},
    )  # fmt: skip
    lines.write_text(json.dumps(first) + "\n" + json.dumps(outcome(occurred_at="2026-11-24T10:00:00Z")))
    for path in (table, lines, table):
        call_command("outcomes", "import", str(path), "--scope", "acme")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "sales.csv: 3 outcomes read, 2 accepted, 0 there already, 1 quarantined.",
        "sales.jsonl: 2 outcomes read, 1 accepted, 1 there already, 0 quarantined.",
        "sales.csv: 3 outcomes read, 0 accepted, 2 there already, 1 quarantined.",
    ]
    kept = Outcome.objects.get(event_id="1")
    assert (kept.quantity, kept.value, kept.safety_flags, kept.task_ids) == (
        2, Decimal("19.9"), ["pii", "refused"], ["t1", "t2"],
    )  # fmt: skip
    assert [run.status for run in ImportRun.objects.all()] == ["finished"] * 3


@pytest.mark.parametrize("task", ["t" * 500, "line\nbreak", "\ud800"])
def test_an_outcome_meets_the_usage_of_a_task_whose_id_did_not_fit(task: str) -> None:
    usage = read_event(json.dumps(document(task_id=task)).encode())
    told = outcome(task_ids=["t1", task], value={"amount": 19.900000000000000001, "currency": "USD"})
    incoming = IncomingOutcomes()
    incoming.add(0, json.dumps(told).encode())
    assert isinstance(usage, UsageEvent)
    assert [event.task_ids for event in incoming.events] == [("t1", usage.task_id)]
    assert incoming.refused == []


def test_a_task_id_that_fits_refuses_nothing_and_mends_nothing_else() -> None:
    incoming = IncomingOutcomes()
    for number, changes in enumerate(({"task_ids": [7]}, {"task_ids": "t1"}, {"task_ids": ["x" * 300], "quantity": 0})):
        incoming.add(number, json.dumps(outcome(**changes)).encode())
    incoming.add(3, b'{"task_ids": [')
    codes = [record.fault.code for record in incoming.refused]
    assert codes == ["invalid_value", "invalid_value", "out_of_range", "malformed_json"]
