import json
from datetime import datetime
from typing import Any

from allocation.outcomes.documents import READ_OUTCOME, OutcomeEvent
from allocation.outcomes.operations import record_outcomes
from allocation.usage.operations import IngestResult
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, numbers


def outcome(**changes: Any) -> dict[str, Any]:
    return {
        "id": f"ticket-{next(numbers)}",
        "source": "helpdesk",
        "occurred_at": "2026-11-24T12:00:00Z",
        "scope": "acme/search",
        "name": "ticket_resolved",
        "success": True,
    } | changes


def typed(**changes: Any) -> OutcomeEvent:
    return READ_OUTCOME(json.dumps(outcome(**changes)).encode())


def record(root: Scope, *events: OutcomeEvent, at: datetime = AT) -> IngestResult:
    return record_outcomes(events=events, key_scope_id=root.pk, at=at)
