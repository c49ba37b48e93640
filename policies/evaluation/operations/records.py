"""Decision records of an evaluation, appended together at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


def as_json(value: Any) -> Any:
    """What jsonb can hold: an infinite ratio is written as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: as_json(below) for key, below in value.items()}
    return [as_json(below) for below in value] if isinstance(value, list | tuple) else value
