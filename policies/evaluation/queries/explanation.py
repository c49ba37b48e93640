"""Why a guardrail does what it does on a scope: its evaluation now, without writing anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.errors import NotFound
from governance.scopes.queries import scope_tree
from policies.evaluation.queries.facts import load_facts
from policies.evaluation.queries.matching import view_of
from policies.evaluation.queries.periods import EvaluationPeriod
from policies.evaluation.queries.states import remembered_states
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.types import Evaluation
from policies.guardrails.queries import active_guardrails


@dataclass(frozen=True, slots=True)
class Explanation:
    """A guardrail's evaluation on a scope; ``version`` is its name and number."""

    version: str
    period: EvaluationPeriod
    outcome: Evaluation


def explain(*, name: str, scope_path: str, at: datetime) -> Explanation:
    """What an evaluation now would read and decide; nothing is written. NotFound when the scope or the guardrail is
    unknown, or the guardrail does not match the scope.
    """
    tree = scope_tree()
    node = tree.by_path.get(scope_path)
    if node is None:
        raise NotFound(f"There is no scope {scope_path!r}.", code="scope_unknown")
    guardrail = next((guardrail for guardrail in active_guardrails().guardrails if guardrail.name == name), None)
    if guardrail is None:
        raise NotFound(f"There is no guardrail {name} in force.")
    view = view_of(node)
    if not guardrail.compiled.matches(view):
        raise NotFound(f"{name} does not match {scope_path}: it has no effect there.")
    facts = load_facts(keys_of={node.id: guardrail.compiled.fact_keys}, tree=tree, at=at)
    period = facts.period(node.id, guardrail.compiled.fact_keys)
    remembered = remembered_states([node.id]).get(node.id, {}).get(name)
    previous = remembered.state if remembered and remembered.period == period else None
    outcome = guardrail.compiled.explain(ScopeContext(view, facts.values[node.id], at), previous)
    return Explanation(f"{name} v{guardrail.number}", period, outcome)
