"""Messages of guardrails to people, put into the outbox."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.errors import DomainError
from governance.messages.channels import Message, Severity
from governance.messages.operations import Outgoing, queue_message, queue_messages
from governance.messages.queries import Destination, destinations
from governance.scopes.models import Scope
from policies.alerts.models import Alert, AlertEvent
from policies.evaluation.queries import EvaluationPeriod
from policies.guardrails.engine.constraint_kinds import described, refuses_calls
from policies.guardrails.engine.types import Evaluation, PlannedAction, ScopeView

logger = logging.getLogger(__name__)

OWNER = "owner"
SEVERITY: dict[str, Severity] = {
    "info": "info",
    "low": "info",
    "medium": "warning",
    "high": "warning",
    "critical": "critical",
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


def queue_notices(notices: Sequence[Notice], *, at: datetime) -> list[AlertEvent]:
    """Queue the messages; returns an event for each notice that says who was notified. An address that leads nowhere is
    named in the event and fails nothing.
    """
    events: list[AlertEvent] = []
    outgoing: list[Outgoing] = []
    known: dict[tuple[str, int], tuple[Destination, ...] | str] = {}
    for notice in notices:
        message = _message(notice)
        problems = []
        for address in dict.fromkeys(notice.to):
            place = (address, notice.scope.id)
            if place not in known:
                known[place] = _destinations(*place)
            resolved = known[place]
            if isinstance(resolved, str):
                problems.append(f"{address}: {resolved}")
                continue
            outgoing += [Outgoing(destination, notice.dedup_key, message) for destination in resolved]
        events.append(
            AlertEvent(
                alert=notice.alert,
                at=at,
                kind=AlertEvent.Kind.NOTIFIED,
                step=notice.planned.step,
                detail="; ".join(problems),
                evidence={"to": list(notice.to), "key": notice.dedup_key, "trigger": notice.planned.trigger},
            )
        )
        notice.alert.last_notified_at = at
    queue_messages(outgoing, at=at)
    Alert.objects.filter(pk__in={notice.alert.pk for notice in notices}).update(last_notified_at=at)
    return events


def _destinations(address: str, scope_id: int) -> tuple[Destination, ...] | str:
    """The destinations of the address, or the sentence that says why there are none."""
    try:
        return destinations(address, scope_id)
    except DomainError as problem:
        logger.warning("a guardrail cannot notify %s: %s", address, problem.detail)
        return problem.detail


def _message(notice: Notice) -> Message:
    planned, scope, alert = notice.planned, notice.scope, notice.alert
    imposed = next(
        (in_force.constraint for in_force in notice.outcome.constraints if in_force.step == planned.step), None
    )
    fields: list[tuple[str, str]] = [
        ("Scope", scope.path),
        ("Step", planned.step),
        ("Severity", planned.severity),
        ("Period", f"{notice.period.start:%Y-%m-%d} to {notice.period.end:%Y-%m-%d}"),
    ]
    if imposed is not None:
        fields.append(described(imposed))
    data: dict[str, Any] = {
        "guardrail": alert.guardrail,
        "scope": scope.path,
        "step": planned.step,
        "severity": planned.severity,
        "alert": alert.pk,
        "trigger": planned.trigger,
        "period_start": notice.period.start.isoformat(),
        "period_end": notice.period.end.isoformat(),
        "reason": planned.reason,
        "blocks": imposed is not None and refuses_calls(imposed),
    }
    again = " (still)" if planned.trigger == "repeat" else ""
    return Message(
        title=f"{alert.guardrail}: {planned.step}{again} on {scope.path}",
        text=planned.reason,
        event_id=notice.dedup_key,
        event_type="guardrail.step_started" if planned.trigger == "started" else "guardrail.step_repeated",
        severity=SEVERITY[planned.severity],
        fields=tuple(fields),
        link=f"{settings.PUBLIC_URL}/admin/policies/alert/{alert.pk}/change/",
        data=data,
    )


def notify_owners(*, scope: Scope, dedup_key: str, title: str, text: str, event_type: str, at: datetime) -> None:
    """Queue a message to the owners of a scope. A scope without a reachable owner is logged and raises nothing: that
    must not stop an evaluation.
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
