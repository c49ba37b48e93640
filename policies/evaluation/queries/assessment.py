"""Guardrails evaluated on scopes now, compared with the stored state. Reads only; the sweep, the evaluation of dirty
scopes and the explanation all use it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.scopes.queries import ScopeTree
from policies.evaluation.queries.ahead import Ahead, Evaluate, evaluated
from policies.evaluation.queries.facts import LoadedFacts
from policies.evaluation.queries.limits import Limits, follows, stored_limits
from policies.evaluation.queries.periods import EvaluationPeriod
from policies.evaluation.queries.reading import read
from policies.evaluation.queries.states import Remembered
from policies.guardrails.engine.constraint_kinds import ConstraintKind
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.types import IDLE, Evaluation, GuardrailState, Held, ScopeView
from policies.guardrails.queries import ActiveGuardrail, ActiveGuardrails

logger = logging.getLogger(__name__)

NO_LONGER_ACTIVE = "The guardrail was retired."
NO_LONGER_MATCHES = "The guardrail no longer matches this scope."
PERIOD_ENDED = "period ended"
PERIOD_CHANGED = "period changed"


@dataclass(frozen=True, slots=True)
class ScopeAssessment:
    """A guardrail on a scope where a state is stored or something happened.

    ``ended`` closes the stored period, or a guardrail that no longer applies; ``outcome`` is the evaluation of the
    present period, None when the guardrail no longer applies.
    """

    scope: ScopeView
    guardrail: str
    period: EvaluationPeriod
    active: ActiveGuardrail | None
    remembered: Remembered | None = None
    ended: Evaluation | None = None
    ended_reason: str = ""
    outcome: Evaluation | None = None
    limits: Limits = field(default_factory=dict)

    @property
    def needs_writing(self) -> bool:
        """Something happened, or the state, its timer or a limit differs from what is stored."""
        if self.ended is not None:
            return True
        outcome = self.outcome
        if outcome is None:
            return False
        previous = self.remembered.state if self.remembered else None
        return (
            bool(outcome.actions)
            or any(not isinstance(transition, Held) for transition in outcome.transitions)
            or state_to_store(outcome) != previous
            or (self.remembered is not None and self.due_at != self.remembered.due_at)
            or not self._limits_follow(outcome)
        )

    @property
    def wanted_limits(self) -> Mapping[str, ConstraintKind]:
        """What each step should impose from now on."""
        return {in_force.step: in_force.constraint for in_force in self.outcome.constraints} if self.outcome else {}

    def _limits_follow(self, outcome: Evaluation) -> bool:
        if not self.limits and not outcome.constraints:
            return True
        return follows(self.limits, self.wanted_limits, is_held=outcome.status in {"no_data", "error"})

    @property
    def may_need_writing(self) -> bool:
        """Also true where a constraint is in force: it shows the value observed last."""
        return self.needs_writing or bool(self.wanted_limits)

    @property
    def due_at(self) -> datetime | None:
        """When the stored state changes with time alone: the next timer, or the end of the period."""
        if self.outcome is None or state_to_store(self.outcome) is None:
            return None
        return min(self.outcome.next_due_at or self.period.end, self.period.end)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Every guardrail on the scopes asked for: findings, counts, and what could not be evaluated."""

    at: datetime
    findings: tuple[ScopeAssessment, ...]
    scopes_count: int
    guardrails_count: int
    evaluations_count: int
    held: dict[int, list[ScopeAssessment]] = field(default_factory=dict)
    """Findings held for lack of data or after an error, by organisation id."""
    broken: dict[str, str] = field(default_factory=dict)
    """Guardrails that do not compile: name and error."""
    unreadable_ids: tuple[int, ...] = ()
    """Ids of the stored states that nobody can read."""


def state_to_store(outcome: Evaluation) -> GuardrailState | None:
    """The state to store, if any. A hold with no step pending or firing has none; the DataGap shows it."""
    return outcome.state if outcome.state is not None and outcome.state.steps else None


def assess(
    *,
    at: datetime,
    scope_ids: Collection[int] | None = None,
    guardrails: ActiveGuardrails | None = None,
    tree: ScopeTree | None = None,
    ahead: Ahead | None = None,
) -> Assessment:
    """Evaluate guardrails (by default all in force) on these scopes (None: on every scope). A guardrail that fails is
    held and stops no other. What was evaluated ``ahead`` of the same facts is not evaluated again.
    """
    given = read(at=at, scope_ids=scope_ids, guardrails=guardrails, tree=tree)
    active, facts = given.active, given.facts
    by_name = {guardrail.name: guardrail for guardrail in active.guardrails}
    findings: list[ScopeAssessment] = []
    held: dict[int, list[ScopeAssessment]] = defaultdict(list)
    failed: set[str] = set()
    evaluations = 0
    for view in given.views:
        matched, states = given.matches[view.id], given.remembered.get(view.id, {})
        if matched:
            context = ScopeContext(view, facts.values[view.id], at)
            evaluate = ahead.taken(context) if ahead is not None else evaluated
        for guardrail in matched:
            evaluations += 1
            remembered = states.get(guardrail.name) if states else None
            unclear = given.unclear.get((guardrail.version_id, view.id))
            finding = (
                _assess_pair(view, guardrail, remembered, facts, context, evaluate, failed)
                if unclear is None
                else _hold_unclear(view, guardrail, remembered, facts, at, unclear)
            )
            if finding is None:
                continue
            findings.append(finding)
            if finding.outcome is not None and finding.outcome.status in {"no_data", "error"}:
                held[given.tree.ancestors(view.id)[-1]].append(finding)
        matched_names = {guardrail.name for guardrail in matched} if states else frozenset()
        for name, state in states.items():
            if name not in matched_names and name not in active.broken:
                findings.append(_withdraw(view, name, by_name.get(name), state, at))
    stored = given.remembered.values()
    return Assessment(
        at=at,
        findings=_with_limits(findings, scope_ids),
        scopes_count=len(given.views),
        guardrails_count=len(active.guardrails),
        evaluations_count=evaluations,
        held=dict(held),
        broken=active.broken,
        unreadable_ids=tuple(one.id for states in stored for one in states.values() if one.unreadable),
    )


def _with_limits(findings: Sequence[ScopeAssessment], scope_ids: Collection[int] | None) -> tuple[ScopeAssessment, ...]:
    """Each finding with the limits that are stored for it. A guardrail without a state has none."""
    if all(finding.remembered is None for finding in findings):
        return tuple(findings)
    wanted = {(finding.guardrail, finding.scope.id): finding.wanted_limits.keys() for finding in findings}
    limits = stored_limits(scope_ids, wanted)
    return tuple(
        replace(finding, limits=limits[pair]) if (pair := (finding.guardrail, finding.scope.id)) in limits else finding
        for finding in findings
    )


def _assess_pair(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered | None,
    facts: LoadedFacts,
    context: ScopeContext,
    evaluate: Evaluate,
    failed: set[str],
) -> ScopeAssessment | None:
    """None when no state is stored and nothing happens. A guardrail that fails is held."""
    if remembered is not None and remembered.unreadable:
        return _hold_failed(view, guardrail, None, facts, context.at, remembered.unreadable)
    try:
        if remembered is None:
            outcome = evaluate(guardrail, context, None)
            if outcome is IDLE:
                return None
            period = facts.period(view.id, guardrail.compiled.fact_keys)
            return ScopeAssessment(view, guardrail.name, period, guardrail, outcome=outcome)
        if context.at < remembered.period.start:  # the clock was set back past the start of the period
            return None
        return _assess_remembered(view, guardrail, remembered, facts, context, evaluate)
    except Exception as problem:
        if guardrail.name not in failed:
            failed.add(guardrail.name)
            logger.exception("guardrail %s failed on %s", guardrail.name, view.path)
        why = f"the evaluation failed ({type(problem).__name__}: {problem})"
        return _hold_failed(view, guardrail, remembered, facts, context.at, why)


def _hold_unclear(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered | None,
    facts: LoadedFacts,
    at: datetime,
    problem: Exception,
) -> ScopeAssessment:
    readable = None if remembered is None or remembered.unreadable else remembered
    why = f"it cannot be said whether it matches ({type(problem).__name__}: {problem})"
    return _hold_failed(view, guardrail, readable, facts, at, why)


def _hold_failed(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered | None,
    facts: LoadedFacts,
    at: datetime,
    why: str,
) -> ScopeAssessment:
    """A guardrail whose evaluation failed keeps its state, but no longer than its period."""
    period = facts.period(view.id, guardrail.compiled.fact_keys, remembered.period if remembered else None)
    if remembered is None or at < remembered.period.end:
        outcome = guardrail.compiled.hold(remembered.state if remembered else None, at, why)
        return ScopeAssessment(
            view, guardrail.name, remembered.period if remembered else period, guardrail, remembered, outcome=outcome
        )
    ended = guardrail.compiled.withdraw(remembered.state, at, PERIOD_ENDED)
    outcome = guardrail.compiled.hold(None, at, why)
    return ScopeAssessment(view, guardrail.name, period, guardrail, remembered, ended, PERIOD_ENDED, outcome)


def _assess_remembered(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered,
    facts: LoadedFacts,
    context: ScopeContext,
    evaluate: Evaluate,
) -> ScopeAssessment:
    at = context.at
    period = facts.period(view.id, guardrail.compiled.fact_keys, remembered.period)
    if remembered.period == period:
        outcome = evaluate(guardrail, context, remembered.state)
        return ScopeAssessment(view, guardrail.name, period, guardrail, remembered, outcome=outcome)
    reason = PERIOD_ENDED if at >= remembered.period.end else PERIOD_CHANGED
    return ScopeAssessment(
        view,
        guardrail.name,
        period,
        guardrail,
        remembered,
        ended=guardrail.compiled.withdraw(remembered.state, at, reason),
        ended_reason=reason,
        outcome=evaluate(guardrail, context, None),
    )


def _withdraw(
    view: ScopeView, name: str, active: ActiveGuardrail | None, remembered: Remembered, at: datetime
) -> ScopeAssessment:
    reason = NO_LONGER_MATCHES if active else NO_LONGER_ACTIVE
    ended = active.compiled.withdraw(remembered.state, at, reason) if active else IDLE
    return ScopeAssessment(view, name, remembered.period, active, remembered, ended=ended, ended_reason=reason)
