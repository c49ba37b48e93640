"""Decision records of an evaluation, appended together at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.people.rules import Actor
from governance.records.operations import Decided, record_decisions
from governance.scopes.models import Scope


@dataclass(frozen=True, slots=True)
class PendingRecord:
    action: str
    scope_id: int
    subject: str
    reason: str
    evidence: dict[str, Any]


def record(decisions: Sequence[PendingRecord], *, at: datetime) -> None:
    scopes = Scope.objects.in_bulk({decision.scope_id for decision in decisions})
    decided = [Decided(one.action, scopes[one.scope_id], one.subject, one.reason, one.evidence) for one in decisions]
    record_decisions(decided, actor=Actor.system(), at=at)
