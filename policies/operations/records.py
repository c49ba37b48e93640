"""Decision records of an evaluation, appended together at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.models import Scope
from governance.operations import record_decision
from governance.rules import Actor


@dataclass(frozen=True, slots=True)
class Decision:
    action: str
    scope_id: int
    subject: str
    reason: str
    evidence: dict[str, Any]


def record_decisions(decisions: Sequence[Decision], *, at: datetime) -> None:
    scopes = Scope.objects.in_bulk({decision.scope_id for decision in decisions})
    for decision in decisions:
        record_decision(
            actor=Actor.system(),
            action=decision.action,
            scope=scopes[decision.scope_id],
            subject=decision.subject,
            reason=decision.reason,
            evidence=decision.evidence,
            at=at,
        )
