"""Write what an assessment found: states, alerts, their events, constraints, messages and decision records.

Everything is collected first and written in bulk, in one fixed order, inside the caller's transaction: states, alerts,
events, constraints, deliveries, and decision records last, because they serialise on the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, assert_never

from governance.work.operations import behind, send
from policies.alerts.models import Alert, AlertEvent
from policies.evaluation.operations.batch import Batch, Known, Pair, ask_for_messages, load_known, number_alerts, save
from policies.evaluation.operations.constraints import end_reason, plan_constraints, plan_ending, release
from policies.evaluation.operations.messages import Notice
from policies.evaluation.operations.records import PendingRecord, as_json, record
from policies.evaluation.queries import ScopeAssessment, state_to_store
from policies.guardrails.engine.constraint_kinds import ConstraintKind
from policies.guardrails.engine.types import (
    Action,
    Evaluation,
    Held,
    HoldEnded,
    Notify,
    PlannedAction,
    StepEnded,
    StepStarted,
)
from policies.guardrails.queries import ActiveGuardrail

# So many take long enough to write that there is something to do meanwhile.
MANY = 200


def write_findings(
    findings: Iterable[ScopeAssessment],
    *,
    at: datetime,
    before_records: Callable[[], None] = lambda: None,
    meanwhile: Iterable[Callable[[], None]] = (),
) -> int:
    """Write the findings; returns how many steps started or ended. The caller holds the organisations' locks.

    ``before_records`` runs when all else is written and only the chain of decision records is left to be locked. MANY
    findings are written behind this thread, which makes the next rows and then does what is for ``meanwhile``: it asks
    the database nothing. Where they are fewer, that is not done.
    """
    to_write = list(findings)
    if not to_write:
        before_records()
        return 0
    known = load_known({(finding.guardrail, finding.scope.id) for finding in to_write})
    batch = Batch(at=at)
    for finding in to_write:
        _plan(batch, known, finding)
    asked = ask_for_messages(batch)
    if len(to_write) < MANY:
        save(batch, asked)
        before_records()
        record(batch.decisions, at=at)
        return batch.transitions_count
    number_alerts(batch)
    with behind():
        save(batch, asked)
        send(before_records)
        record(batch.decisions, at=at)
        for one in meanwhile:
            one()
    return batch.transitions_count


def _plan(batch: Batch, known: Known, finding: ScopeAssessment) -> None:
    pair = (finding.guardrail, finding.scope.id)
    if finding.ended is not None:
        _plan_end(batch, known, finding, finding.ended)
    if finding.outcome is not None and finding.active is not None:
        _plan_outcome(batch, known, finding, finding.active, finding.outcome, pair)
    _plan_state(batch, finding)


def _plan_state(batch: Batch, finding: ScopeAssessment) -> None:
    state = state_to_store(finding.outcome) if finding.outcome is not None else None
    if state is None:
        if finding.remembered is not None:
            batch.forgotten_states.append(finding.remembered.id)
        return
    period = finding.period
    batch.states.append(
        (finding.guardrail, finding.scope.id, period.start, period.end, state.to_json(), finding.due_at, batch.at)
    )


def _plan_end(batch: Batch, known: Known, finding: ScopeAssessment, ended: Evaluation) -> None:
    """Resolve the alerts and release the constraints of a period that is over or a guardrail that no longer applies."""
    pair = (finding.guardrail, finding.scope.id)
    over: list[Alert] = []
    for alert in known.alerts.pop(pair, []):
        for transition in ended.transitions:
            if isinstance(transition, StepEnded):
                batch.event(alert, AlertEvent.Kind.STEP_ENDED, transition.step, transition.reason)
        _resolve(batch, alert, finding.ended_reason)
        over.append(alert)
    for constraint in known.constraints.pop(pair, {}).values():
        release(batch, constraint, finding.ended_reason, finding.scope)
    for alert in over:
        plan_ending(batch, alert, finding.scope, finding.ended_reason)
    batch.transitions_count += sum(isinstance(transition, StepEnded) for transition in ended.transitions)
    batch.decisions.append(
        PendingRecord(
            "guardrail.end", finding.scope, f"guardrail:{finding.guardrail}", finding.ended_reason, {"by": "weir"}
        )
    )


def _plan_outcome(
    batch: Batch, known: Known, finding: ScopeAssessment, active: ActiveGuardrail, outcome: Evaluation, pair: Pair
) -> None:
    inputs = as_json(outcome.inputs)
    alert = _plan_alert(batch, known, finding, active, outcome, inputs)
    if alert is None:
        return
    _plan_events(batch, active, alert, outcome)
    steps = [transition for transition in outcome.transitions if isinstance(transition, StepStarted | StepEnded)]
    batch.transitions_count += len(steps)
    for planned in outcome.actions:
        # A constraint is desired state: written with the constraints below.
        if isinstance(planned.action, Notify):
            _plan_notice(batch, known, finding, alert, planned, planned.action, outcome)
    plan_constraints(batch, known, finding, active, alert, outcome, pair)
    evidence = {
        "version": active.number,
        "digest": active.digest,
        "level": active.level,
        "inputs": inputs if steps else {},
    }
    for step in steps:
        batch.decisions.append(
            PendingRecord(
                "guardrail.start_step" if isinstance(step, StepStarted) else "guardrail.end_step",
                finding.scope,
                f"guardrail:{finding.guardrail}/{step.step}",
                step.reason,
                evidence,
            )
        )
    reason = end_reason(outcome, "")
    if outcome.status == "idle":
        _resolve(batch, alert, reason)
    plan_ending(batch, alert, finding.scope, reason, outcome)


def _plan_events(batch: Batch, active: ActiveGuardrail, alert: Alert, outcome: Evaluation) -> None:
    for transition in outcome.transitions:
        match transition:
            case StepStarted():
                batch.event(alert, AlertEvent.Kind.STEP_STARTED, transition.step, transition.reason)
            case StepEnded():
                batch.event(alert, AlertEvent.Kind.STEP_ENDED, transition.step, transition.reason)
            case Held():
                batch.event(alert, AlertEvent.Kind.NO_DATA, detail=transition.reason)
            case HoldEnded():
                batch.event(alert, AlertEvent.Kind.DATA_BACK, detail=transition.reason)
    if not outcome.withheld:
        return
    started = [transition for transition in outcome.transitions if isinstance(transition, StepStarted)]
    for step in started:
        for action in active.withheld(step.step):
            batch.event(alert, _withheld(action), step.step, f"Withheld: the enforcement level is {active.level}.")


def _withheld(action: Action) -> AlertEvent.Kind:
    if isinstance(action, Notify):
        return AlertEvent.Kind.WOULD_NOTIFY
    if isinstance(action, ConstraintKind):
        return AlertEvent.Kind.WOULD_CONSTRAIN
    assert_never(action)


def _plan_alert(
    batch: Batch,
    known: Known,
    finding: ScopeAssessment,
    active: ActiveGuardrail,
    outcome: Evaluation,
    inputs: Mapping[str, Any],
) -> Alert | None:
    """The open alert of this period, opened or updated; None when there is none to open. It may fall back from firing
    to pending.
    """
    pair = (finding.guardrail, finding.scope.id)
    alert = next((alert for alert in known.alerts.get(pair, []) if alert.period_start == finding.period.start), None)
    if outcome.status in {"no_data", "error", "idle"}:
        return alert
    is_firing = outcome.status == "firing"
    step = outcome.step or next((step.name for step in outcome.steps if step.status == "pending"), "")
    severity = active.severity(step)
    if alert is None:
        alert = Alert(
            scope_id=finding.scope.id,
            guardrail=finding.guardrail,
            version_id=active.version_id,
            level=active.level,
            period_start=finding.period.start,
            period_end=finding.period.end,
            status=Alert.Status.FIRING if is_firing else Alert.Status.PENDING,
            step=step,
            severity=severity,
            reason=outcome.reason,
            evidence=dict(inputs),
            opened_at=batch.at,
        )
        batch.new_alerts.append(alert)
        known.alerts.setdefault(pair, []).append(alert)
        if not is_firing:
            batch.event(alert, AlertEvent.Kind.PENDING, step, outcome.reason)
        return alert
    if outcome.changed or alert.version_id != active.version_id:
        alert.status = Alert.Status.FIRING if is_firing else Alert.Status.PENDING
        alert.step, alert.severity, alert.reason = step, severity, outcome.reason
        alert.evidence, alert.version_id, alert.level = dict(inputs), active.version_id, active.level
        if any(isinstance(transition, StepStarted) for transition in outcome.transitions):
            alert.escalated_at = batch.at
        batch.changed(alert)
    return alert


def _resolve(batch: Batch, alert: Alert, reason: str) -> None:
    alert.status, alert.resolved_at, alert.resolve_reason = Alert.Status.RESOLVED, batch.at, reason
    batch.event(alert, AlertEvent.Kind.RESOLVED, detail=reason)
    batch.changed(alert)


def _plan_notice(
    batch: Batch,
    known: Known,
    finding: ScopeAssessment,
    alert: Alert,
    planned: PlannedAction,
    action: Notify,
    outcome: Evaluation,
) -> None:
    """Add the notice to the batch, unless it repeats an alert that somebody has acknowledged."""
    if planned.trigger == "repeat" and alert.acknowledged_at is not None:
        return
    key = ((finding.guardrail, finding.scope.id), finding.period.start, planned.step)
    planned_before = batch.planned_notices[key, action.to]
    batch.planned_notices[key, action.to] += 1
    batch.notices.append(
        Notice(
            key=key,
            sequence=known.notified[key] + 1 + planned_before,
            to=action.to,
            alert=alert,
            scope=finding.scope,
            planned=planned,
            outcome=outcome,
            period=finding.period,
        )
    )
