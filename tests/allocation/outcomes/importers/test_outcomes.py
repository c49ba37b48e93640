import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from allocation.outcomes.models import Outcome
from allocation.usage.models import ImportRun
from governance.scopes.models import Scope
from tests.allocation.conftest import AT
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
