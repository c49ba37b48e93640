"""What guardrails remember of scopes, as it is stored."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from policies.evaluation.queries.periods import EvaluationPeriod
from policies.guardrails.engine.types import GuardrailState
from policies.guardrails.models import GuardrailState as StoredState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """The stored state of a guardrail on a scope, with the id of its row. ``unreadable`` says why the state is not
    known: it stays as it is, until a person mends or deletes the row.
    """

    id: int
    state: GuardrailState
    period: EvaluationPeriod
    due_at: datetime | None = None
    unreadable: str = ""


def remembered_states(scope_ids: Collection[int] | None) -> dict[int, dict[str, Remembered]]:
    """Stored states by scope id and guardrail name (None: of every scope)."""
    rows = StoredState.objects.all() if scope_ids is None else StoredState.objects.filter(scope_id__in=scope_ids)
    states: dict[int, dict[str, Remembered]] = defaultdict(dict)
    for row in rows:
        state, unreadable = _read_state(row)
        period = EvaluationPeriod(row.period_start, row.period_end)
        states[row.scope_id][row.guardrail] = Remembered(row.id, state, period, row.next_due_at, unreadable)
    return states


def _read_state(row: StoredState) -> tuple[GuardrailState, str]:
    try:
        return GuardrailState.from_json(row.state), ""
    except Exception as problem:  # whatever was written there, it stops this guardrail on this scope and no other
        logger.exception("what guardrail %s remembers of scope %s cannot be read", row.guardrail, row.scope_id)
        return GuardrailState(), f"what it remembers cannot be read ({type(problem).__name__}: {problem})"
