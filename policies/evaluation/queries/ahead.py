"""Guardrails evaluated before it is their turn, while the database is busy with what was found on other scopes.

What they read is read again when it is their turn, under the lock, and an outcome counts only where all that it was
made of is equal: evaluating reads nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db import transaction

from governance.work.operations import is_of_the_rows
from policies.evaluation.queries.reading import read
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.types import Evaluation, Facts, GuardrailState, ScopeView
from policies.guardrails.queries import ActiveGuardrail

Evaluate = Callable[[ActiveGuardrail, ScopeContext, GuardrailState | None], Evaluation]


def evaluated(guardrail: ActiveGuardrail, context: ScopeContext, previous: GuardrailState | None) -> Evaluation:
    """The evaluation itself."""
    return guardrail.compiled.evaluate(context, previous)


@dataclass(frozen=True, slots=True)
class _Early:
    """Outcomes by guardrail version, each with the state before it."""

    view: ScopeView
    facts: Facts
    outcomes: dict[int, tuple[GuardrailState | None, Evaluation]] = field(default_factory=dict)

    def evaluate(
        self, guardrail: ActiveGuardrail, context: ScopeContext, previous: GuardrailState | None
    ) -> Evaluation:
        early = self.outcomes.get(guardrail.version_id)
        return early[1] if early is not None and early[0] == previous else evaluated(guardrail, context, previous)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is evaluated ahead, all at the same instant."""

    at: datetime
    _scopes: dict[int, _Early] = field(default_factory=dict)

    def prepare(self, scope_ids: Collection[int]) -> Sequence[Callable[[], None]]:
        """Read what these scopes need; what is returned is to be called in any order, or not at all, and asks the
        database nothing. A fault is told of when it is their turn.
        """
        if not scope_ids:
            return []
        try:
            with transaction.atomic():
                given = read(at=self.at, scope_ids=scope_ids)
        except Exception as problem:
            if not is_of_the_rows(problem):
                raise
            return []
        work: list[Callable[[], None]] = []
        for view in given.views:
            early = self._scopes[view.id] = _Early(view, given.facts.values[view.id])
            context = ScopeContext(view, early.facts, self.at)
            for guardrail in given.matches[view.id]:
                remembered = given.remembered.get(view.id, {}).get(guardrail.name)
                previous = remembered.state if remembered is not None else None
                work.append(partial(_evaluate_early, early, guardrail, context, previous))
        return work

    def taken(self, context: ScopeContext) -> Evaluate:
        """How to evaluate this scope now; what was kept of it is given away."""
        early = self._scopes.pop(context.scope.id, None)
        is_same = (
            early is not None and self.at == context.at and early.view == context.scope and early.facts == context.facts
        )
        return early.evaluate if early is not None and is_same else evaluated


def _evaluate_early(
    early: _Early, guardrail: ActiveGuardrail, context: ScopeContext, previous: GuardrailState | None
) -> None:
    try:
        early.outcomes[guardrail.version_id] = (previous, evaluated(guardrail, context, previous))
    except Exception:  # noqa: BLE001  # evaluated again, and told of, when it is its turn
        return
