"""Bring the stored constraints in line with an assessment: impose, refresh or release them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from policies.alerts.models import Alert, AlertEvent
from policies.alerts.operations import Ending
from policies.constraints.models import Constraint, columns_of
from policies.evaluation.operations.batch import RELEASED_BY_WEIR, Batch, Known, Pair
from policies.evaluation.operations.records import PendingRecord, as_json
from policies.evaluation.queries import ScopeAssessment
from policies.guardrails.engine.constraint_kinds import imposed, imposed_by, lifted, to_json
from policies.guardrails.engine.figures import figures
from policies.guardrails.engine.types import ConstraintInForce, Evaluation, ScopeView, StepEnded
from policies.guardrails.queries import ActiveGuardrail

NO_LONGER_LIMITS = "The guardrail no longer sets this limit."
CONDITION_GONE = "The condition no longer holds."


def plan_constraints(
    batch: Batch,
    known: Known,
    finding: ScopeAssessment,
    active: ActiveGuardrail,
    alert: Alert,
    outcome: Evaluation,
    pair: Pair,
) -> None:
    """Bring the constraints of a pair in line with its evaluation. While a guardrail is held for lack of data, none is
    released or changed.
    """
    wanted = {in_force.step: in_force for in_force in outcome.constraints}
    present = known.constraints.get(pair, {})
    is_held = outcome.status in {"no_data", "error"}
    if not is_held:
        for step in sorted(present.keys() - wanted.keys()):
            release(batch, present.pop(step), _constraint_end_reason(outcome, step), finding.scope)
    for step, in_force in wanted.items():
        constraint = present.get(step)
        if constraint is not None:
            if not is_held:
                _refresh(batch, constraint, in_force, finding, active)
            continue
        lifted = known.lifted_by_hand.get((pair, step))
        if lifted is not None and lifted >= in_force.since:
            continue  # a person lifted it for this crossing: only a new crossing imposes it again
        _constrain(batch, finding, active, alert, in_force)


def _constraint_end_reason(outcome: Evaluation, step: str) -> str:
    ended = any(isinstance(transition, StepEnded) and transition.step == step for transition in outcome.transitions)
    return end_reason(outcome, step) if ended else NO_LONGER_LIMITS


def constraint_evidence(in_force: ConstraintInForce, scope: ScopeView) -> dict[str, Any]:
    """Limit and observed value with their unit; for money the unit is the organisation's currency."""
    unit = scope.currency if in_force.unit == "money" else in_force.unit
    return {
        "limit": as_json(in_force.limit),
        "observed": as_json(in_force.observed),
        "unit": unit,
        "message": in_force.constraint.message,
    }


def _constrain(
    batch: Batch, finding: ScopeAssessment, active: ActiveGuardrail, alert: Alert, in_force: ConstraintInForce
) -> None:
    evidence = constraint_evidence(in_force, finding.scope)
    values = {
        "scope": finding.scope.id,
        "guardrail": finding.guardrail,
        "version": active.version_id,
        "step": in_force.step,
        **columns_of(in_force.constraint),
        "owner": active.owner or finding.guardrail,
        "reason": in_force.reason,
        "evidence": evidence,
        "starts_at": max(batch.at, in_force.since),
        "expires_at": finding.period.end,
        "min_hold_until": _min_hold_until(active, in_force),
    }
    batch.new_constraints.append((alert, values))
    batch.event(alert, AlertEvent.Kind.CONSTRAINED, in_force.step, in_force.reason)
    batch.decisions.append(
        PendingRecord(
            "constraint.impose",
            finding.scope,
            f"guardrail:{finding.guardrail}/{in_force.step}",
            in_force.reason,
            evidence | {"expires_at": finding.period.end.isoformat()} | to_json(in_force.constraint),
        )
    )


def _min_hold_until(active: ActiveGuardrail, in_force: ConstraintInForce) -> datetime | None:
    hold = active.min_hold(in_force.step)
    return in_force.since + hold if hold else None


def _refresh(
    batch: Batch,
    constraint: Constraint,
    in_force: ConstraintInForce,
    finding: ScopeAssessment,
    active: ActiveGuardrail,
) -> None:
    # The reason with the figures it names: a decision never quotes one of them older than the other.
    wanted = {
        **columns_of(in_force.constraint),
        "version_id": active.version_id,
        "owner": active.owner or finding.guardrail,
        "reason": in_force.reason,
        "evidence": constraint_evidence(in_force, finding.scope),
        "expires_at": finding.period.end,
        "min_hold_until": _min_hold_until(active, in_force),
    }
    if any(getattr(constraint, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(constraint, name, value)
        batch.changed_constraints[constraint.pk] = constraint


def plan_ending(batch: Batch, alert: Alert, scope: ScopeView, reason: str, outcome: Evaluation | None = None) -> None:
    """Tell of the alert's limits that have ended in this batch, and of its own end, in one message. ``outcome`` is None
    when its guardrail was not evaluated.
    """
    ended = batch.ended_limits.pop(alert.pk, [])
    is_over = alert.status == Alert.Status.RESOLVED
    if not ended and not is_over:
        return
    limits = [imposed_by(limit.action, limit.model_patterns, "") for limit in ended]
    still = outcome.constraints if outcome is not None and not is_over else ()
    batch.endings[alert.pk] = Ending(
        alert_id=alert.pk,
        guardrail=alert.guardrail,
        scope_id=scope.id,
        scope_path=scope.path,
        key=f"alert:{alert.pk}:resolved" if is_over else f"constraint:{min(limit.pk for limit in ended)}:released",
        reason=ended[0].release_reason if ended else reason,
        is_over=is_over,
        steps=tuple(sorted({limit.step for limit in ended})),
        lifted=tuple(dict.fromkeys(lifted(limit, alert.guardrail) for limit in limits)),
        figures=figures(outcome.inputs, scope.currency) if outcome is not None else "",
        still=" ".join(f"{imposed(in_force.constraint)} by its step {in_force.step} as before." for in_force in still),
    )


def release(batch: Batch, constraint: Constraint, reason: str, scope: ScopeView) -> None:
    """End a constraint: expired when its time is over, released otherwise."""
    is_over = batch.at >= constraint.expires_at
    constraint.status = Constraint.Status.EXPIRED if is_over else Constraint.Status.RELEASED
    constraint.released_at, constraint.released_by, constraint.release_reason = batch.at, RELEASED_BY_WEIR, reason
    batch.changed_constraints[constraint.pk] = constraint
    batch.ended_limits[constraint.alert_id].append(constraint)
    batch.event(constraint.alert_id, AlertEvent.Kind.RELEASED, constraint.step, reason)
    batch.decisions.append(
        PendingRecord(
            "constraint.expire" if is_over else "constraint.release",
            scope,
            f"guardrail:{constraint.guardrail}/{constraint.step}",
            reason,
            {"constraint": constraint.pk},
        )
    )


def end_reason(outcome: Evaluation, step: str) -> str:
    """Why a step (any step, if none is named) ended."""
    ends = [
        transition
        for transition in outcome.transitions
        if isinstance(transition, StepEnded) and step in {"", transition.step}
    ]
    return ends[-1].reason if ends else CONDITION_GONE
