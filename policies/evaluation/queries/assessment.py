"""What the guardrails say about scopes now, against what was remembered. Reads only: sweep, dirty scopes and explain
all come through here.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from governance.memory.queries import VersionedMemory
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree
from policies.evaluation.queries.facts import LoadedFacts, load_facts
from policies.evaluation.queries.periods import Period
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.types import IDLE, Evaluation, GuardrailState, Held, ScopeView
from policies.guardrails.models import GuardrailState as StoredState
from policies.guardrails.queries import ActiveGuardrail, ActiveGuardrails, active_guardrails

logger = logging.getLogger(__name__)

NO_LONGER_ACTIVE = "The guardrail was retired."
NO_LONGER_MATCHES = "The guardrail no longer matches this scope."
PERIOD_ENDED = "period ended"
PERIOD_CHANGED = "period changed"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is stored for one guardrail on one scope; ``id`` 0 means nothing is."""

    id: int
    state: GuardrailState
    period: Period
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScopeAssessment:
    """One guardrail on one scope where something is remembered or something happened.

    ``ended`` closes the remembered period or a guardrail that is gone; ``outcome`` is the evaluation of the present
    one, None when the guardrail no longer applies.
    """

    scope: ScopeView
    guardrail: str
    period: Period
    active: ActiveGuardrail | None
    remembered: Remembered | None = None
    ended: Evaluation | None = None
    ended_reason: str = ""
    outcome: Evaluation | None = None

    @property
    def constrained_steps(self) -> tuple[str, ...]:
        return tuple(one.step for one in self.outcome.constraints) if self.outcome is not None else ()

    @property
    def needs_writing(self) -> bool:
        if self.ended is not None:
            return True
        outcome = self.outcome
        if outcome is None:
            return False
        previous = self.remembered.state if self.remembered else None
        return (
            bool(outcome.actions)
            or any(not isinstance(one, Held) for one in outcome.transitions)
            or kept(outcome) != previous
            or (self.remembered is not None and self.due_at != self.remembered.due_at)
        )

    @property
    def may_need_writing(self) -> bool:
        """A limit in force shows what was observed last."""
        return self.needs_writing or bool(self.constrained_steps)

    @property
    def due_at(self) -> datetime | None:
        """When time alone changes what is remembered: a timer runs out or the period is over."""
        if self.outcome is None or kept(self.outcome) is None:
            return None
        return min(self.outcome.next_due_at or self.period.end, self.period.end)


@dataclass(frozen=True, slots=True)
class Assessment:
    at: datetime
    findings: tuple[ScopeAssessment, ...]
    scopes_count: int
    guardrails_count: int
    evaluations_count: int
    held: dict[int, list[ScopeAssessment]] = field(default_factory=dict)
    """Findings that cannot see, by organisation."""
    broken: dict[str, str] = field(default_factory=dict)


def kept(outcome: Evaluation) -> GuardrailState | None:
    """The state worth a row: a hold with no step pending or firing is told of by the organisation's DataGap alone."""
    return outcome.state if outcome.state is not None and outcome.state.steps else None


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Scopes as guardrails see them and which of them each guardrail matches, for one version of the scope tree."""

    views: dict[int, ScopeView]
    matched: dict[int, frozenset[int]] = field(default_factory=dict)


_pictures: VersionedMemory[UUID | None, _Pictures] = VersionedMemory()


def view_of(node: ScopeNode) -> ScopeView:
    return ScopeView(node.id, node.path, node.kind, node.labels, node.environment, node.criticality, node.practice)


def _current_pictures(tree: ScopeTree) -> _Pictures:
    """As stale as the tree it is asked for. A tree without a version is of a database without scopes."""
    return _pictures.of(
        tree.version,
        lambda: _Pictures({node.id: view_of(node) for node in tree.by_id.values()}),
        keep=tree.version is not None,
    )


def _matches(
    guardrails: ActiveGuardrails, pictures: _Pictures, scope_ids: Collection[int]
) -> dict[int, list[ActiveGuardrail]]:
    found: dict[int, list[ActiveGuardrail]] = {scope_id: [] for scope_id in scope_ids}
    for guardrail in guardrails.guardrails:
        matched = pictures.matched.get(guardrail.version_id)
        if matched is None:
            matched = frozenset(view.id for view in pictures.views.values() if guardrail.compiled.matches(view))
            pictures.matched[guardrail.version_id] = matched
        for scope_id in matched.intersection(found):
            found[scope_id].append(guardrail)
    return found


def remembered_states(scope_ids: Collection[int] | None) -> dict[int, dict[str, Remembered]]:
    rows = StoredState.objects.all() if scope_ids is None else StoredState.objects.filter(scope_id__in=scope_ids)
    found: dict[int, dict[str, Remembered]] = defaultdict(dict)
    for row in rows:
        found[row.scope_id][row.guardrail] = Remembered(
            row.id, GuardrailState.from_json(row.state), Period(row.period_start, row.period_end), row.next_due_at
        )
    return found


def assess(
    *, at: datetime, scope_ids: Collection[int] | None = None, guardrails: ActiveGuardrails | None = None
) -> Assessment:
    """Evaluate all guardrails on these scopes (None: on every scope)."""
    active = guardrails or active_guardrails()
    tree = scope_tree()
    pictures = _current_pictures(tree)
    ids = sorted(tree.by_id if scope_ids is None else tree.by_id.keys() & set(scope_ids))
    views = [pictures.views[scope_id] for scope_id in ids]
    stored = remembered_states(scope_ids)
    matches = _matches(active, pictures, ids)
    keys = {key for found in matches.values() for guardrail in found for key in guardrail.compiled.fact_keys}
    facts = load_facts(scope_ids=ids, keys=keys, tree=tree, at=at)
    by_name = {guardrail.name: guardrail for guardrail in active.guardrails}
    findings: list[ScopeAssessment] = []
    held: dict[int, list[ScopeAssessment]] = defaultdict(list)
    failed: set[str] = set()
    evaluations = 0
    for view in views:
        matched, here = matches[view.id], stored.get(view.id, {})
        if matched:
            context = ScopeContext(view, facts.values[view.id], at)
        for guardrail in matched:
            evaluations += 1
            finding = _found(view, guardrail, here.get(guardrail.name) if here else None, facts, context, failed)
            if finding is None:
                continue
            findings.append(finding)
            if finding.outcome is not None and finding.outcome.status in {"no_data", "error"}:
                held[tree.ancestors(view.id)[-1]].append(finding)
        matched_names = {guardrail.name for guardrail in matched} if here else frozenset()
        for name, remembered in here.items():
            if name not in matched_names and name not in active.broken:
                findings.append(_gone(view, name, by_name.get(name), remembered, at))
    return Assessment(
        at=at,
        findings=tuple(findings),
        scopes_count=len(views),
        guardrails_count=len(active.guardrails),
        evaluations_count=evaluations,
        held=dict(held),
        broken=active.broken,
    )


def _found(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered | None,
    facts: LoadedFacts,
    context: ScopeContext,
    failed: set[str],
) -> ScopeAssessment | None:
    """None when nothing is remembered and nothing happens. A guardrail that fails is held and stops no other."""
    try:
        if remembered is None:
            outcome = guardrail.compiled.evaluate(context, None)
            if outcome is IDLE:
                return None
            period = facts.period(view.id, guardrail.compiled.fact_keys)
            return ScopeAssessment(view, guardrail.name, period, guardrail, outcome=outcome)
        if context.at < remembered.period.start:  # a clock that went back over the end of a period
            return None
        return _continued(view, guardrail, remembered, facts, context)
    except Exception as problem:
        if guardrail.name not in failed:
            failed.add(guardrail.name)
            logger.exception("guardrail %s failed on %s", guardrail.name, view.path)
        why = f"the evaluation failed ({type(problem).__name__}: {problem})"
        return _held(view, guardrail, remembered, facts, context.at, why)


def _held(
    view: ScopeView,
    guardrail: ActiveGuardrail,
    remembered: Remembered | None,
    facts: LoadedFacts,
    at: datetime,
    why: str,
) -> ScopeAssessment:
    """What failed keeps its state, but no longer than its period."""
    period = facts.period(view.id, guardrail.compiled.fact_keys, remembered.period if remembered else None)
    if remembered is None or at < remembered.period.end:
        outcome = guardrail.compiled.hold(remembered.state if remembered else None, at, why)
        return ScopeAssessment(
            view, guardrail.name, remembered.period if remembered else period, guardrail, remembered, outcome=outcome
        )
    ended = guardrail.compiled.withdraw(remembered.state, at, PERIOD_ENDED)
    outcome = guardrail.compiled.hold(None, at, why)
    return ScopeAssessment(view, guardrail.name, period, guardrail, remembered, ended, PERIOD_ENDED, outcome)


def _continued(
    view: ScopeView, guardrail: ActiveGuardrail, remembered: Remembered, facts: LoadedFacts, context: ScopeContext
) -> ScopeAssessment:
    at = context.at
    period = facts.period(view.id, guardrail.compiled.fact_keys, remembered.period)
    if remembered.period == period:
        outcome = guardrail.compiled.evaluate(context, remembered.state)
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
        outcome=guardrail.compiled.evaluate(context, None),
    )


def _gone(
    view: ScopeView, name: str, active: ActiveGuardrail | None, remembered: Remembered, at: datetime
) -> ScopeAssessment:
    reason = NO_LONGER_MATCHES if active else NO_LONGER_ACTIVE
    ended = active.compiled.withdraw(remembered.state, at, reason) if active else IDLE
    return ScopeAssessment(view, name, remembered.period, active, remembered, ended=ended, ended_reason=reason)
