"""Messages of guardrails to people, put into the outbox."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.errors import DomainError
from governance.messages.channels import Message, Severity
from governance.messages.operations import queue_message
from governance.scopes.models import Scope
from governance.work.operations import is_of_the_rows
from policies.alerts.models import Alert
from policies.alerts.operations import Told
from policies.evaluation.operations.records import as_json
from policies.evaluation.queries import EvaluationPeriod
from policies.guardrails.engine.constraint_kinds import described, imposed, refuses_calls, to_json
from policies.guardrails.engine.figures import figures
from policies.guardrails.engine.types import ConstraintInForce, Evaluation, PlannedAction, ScopeView

logger = logging.getLogger(__name__)

OWNER = "owner"
SEVERITY: dict[str, Severity] = {
    "info": "info",
    "low": "info",
    "medium": "warning",
    "high": "warning",
    "critical": "critical",
}
EVENT_TYPES = {
    "started": "guardrail.step_started",
    "changed": "guardrail.step_changed",
    "repeat": "guardrail.step_repeated",
}
# Guardrail name and scope id, start of the period, step.
NoticeKey = tuple[tuple[str, int], datetime, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One notify action to be carried out. ``sequence`` counts the notices of the same key, from 1."""

    key: NoticeKey
    sequence: int
    to: tuple[str, ...]
    alert: Alert
    scope: ScopeView
    planned: PlannedAction
    outcome: Evaluation
    period: EvaluationPeriod

    @property
    def dedup_key(self) -> str:
        (guardrail, scope_id), period_start, step = self.key
        return f"{guardrail}:{scope_id}:{step}:{period_start:%Y-%m-%d}:{self.sequence}"


def told_of(notice: Notice) -> Told:
    """The notice as a message; its alert is stored by now."""
    planned = notice.planned
    return Told(
        alert_id=notice.alert.pk,
        scope_id=notice.scope.id,
        step=planned.step,
        to=notice.to,
        message=_message(notice),
        trigger=planned.trigger,
        limits=tuple(in_force.step for in_force in notice.outcome.constraints),
    )


def _message(notice: Notice) -> Message:
    planned, scope, alert = notice.planned, notice.scope, notice.alert
    limits = notice.outcome.constraints
    measured = figures(notice.outcome.inputs, scope.currency)
    return Message(
        title=f"{alert.guardrail}: {planned.step}{' (still)' if planned.trigger == 'repeat' else ''} on {scope.path}",
        text=_text(notice, measured),
        event_id=notice.dedup_key,
        event_type=EVENT_TYPES[planned.trigger],
        severity=SEVERITY[planned.severity],
        fields=(
            ("Scope", scope.path),
            ("Step", planned.step),
            ("Severity", planned.severity),
            ("Period", f"{notice.period.start:%Y-%m-%d} to {notice.period.end:%Y-%m-%d}"),
            *dict.fromkeys(described(in_force.constraint) for in_force in limits),
            ("Why", planned.reason),
        ),
        link=f"{settings.PUBLIC_URL}/admin/policies/alert/{alert.pk}/change/",
        data={
            "guardrail": alert.guardrail,
            "scope": scope.path,
            "step": planned.step,
            "severity": planned.severity,
            "alert": alert.pk,
            "trigger": planned.trigger,
            "period_start": notice.period.start.isoformat(),
            "period_end": notice.period.end.isoformat(),
            "figures": measured,
            "reason": planned.reason,
            "blocks": any(refuses_calls(in_force.constraint) for in_force in limits),
            "limits": [_limit(in_force, scope) for in_force in limits],
        },
    )


def _text(notice: Notice, measured: str) -> str:
    """Money first, then the limits' own sentences, then what is limited and until when."""
    limits = [in_force.constraint for in_force in notice.outcome.constraints]
    until = f"until {notice.period.end.day} {notice.period.end:%B %Y} at the latest"
    sentences = [measured, *(limit.message for limit in limits), *(f"{imposed(limit)} {until}." for limit in limits)]
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence)) or notice.planned.reason


def _limit(in_force: ConstraintInForce, scope: ScopeView) -> dict[str, Any]:
    unit = scope.currency if in_force.unit == "money" else in_force.unit
    return {
        "step": in_force.step,
        **to_json(in_force.constraint),
        "message": in_force.constraint.message,
        "limit": as_json(in_force.limit),
        "observed": as_json(in_force.observed),
        "unit": unit,
    }


def notify_owners(*, scope: Scope, dedup_key: str, title: str, text: str, event_type: str, at: datetime) -> None:
    """Queue a message to the owners of a scope. A scope without a reachable owner is logged and raises nothing: that
    must not stop an evaluation. Nor does a message that cannot be queued for whatever reason.
    """
    message = Message(
        title=title,
        text=text,
        event_id=dedup_key,
        event_type=event_type,
        severity="warning",
        fields=(("Scope", scope.path),),
        link=f"{settings.PUBLIC_URL}/admin/",
        data={"scope": scope.path},
    )
    try:
        queue_message(address=OWNER, scope_id=scope.pk, dedup_key=dedup_key, message=message, at=at)
    except DomainError as problem:
        logger.warning("nobody to notify about %s: %s", scope.path, problem.detail)
    except Exception as problem:
        if not is_of_the_rows(problem):
            raise
        logger.exception("the owners of %s cannot be notified: %s", scope.path, title)
