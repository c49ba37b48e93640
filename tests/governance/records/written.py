from typing import Any

from governance.records.models import DecisionRecord
from governance.records.operations import record_decision
from tests.governance.conftest import AT, SYSTEM


def record(number: int = 0, **changes: Any) -> DecisionRecord:
    fields = {"actor": SYSTEM, "action": "test.say", "scope": None, "subject": f"test:{number}", "reason": "because",
            "evidence": {"number": number}, "at": AT}  # fmt: skip
    return record_decision(**{**fields, **changes})
