"""Decision records of an evaluation, appended together at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.people.rules import Actor
from governance.records.operations import Decided, record_decisions
from policies.guardrails.engine.types import ScopeView

_AS_IT_IS = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class PendingRecord:
    """A decision record to be appended when everything else of the batch is written."""

    action: str
    scope: ScopeView
    subject: str
    reason: str
    evidence: dict[str, Any]


def record(decisions: Sequence[PendingRecord], *, at: datetime) -> None:
    """Append the records as decisions of the installation itself."""
    decided = (
        Decided(
            action=decision.action,
            scope_id=decision.scope.id,
            scope_path=decision.scope.path,
            subject=decision.subject,
            reason=decision.reason,
            evidence=decision.evidence,
        )
        for decision in decisions
    )
    record_decisions(decided, actor=Actor.system(), at=at)


def as_json(value: Any) -> Any:
    """The value as jsonb can hold it: numbers that are not finite become text."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else str(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else value
