"""What people do with alerts: acknowledge them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.errors import DomainError, Forbidden, NotFound
from governance.people.rules import Actor
from governance.records.operations import record_decision
from policies.alerts.models import Alert, AlertEvent
from policies.alerts.rules import may_acknowledge


class AlertAlreadyAcknowledged(DomainError):
    """409: somebody has acknowledged the alert before."""

    code = "alert_already_acknowledged"


class AlertResolved(DomainError):
    """409: the alert is resolved, so there is nothing to acknowledge."""

    code = "alert_resolved"


@transaction.atomic
def acknowledge_alert(*, alert_id: int, actor: Actor, at: datetime, reason: str = "") -> Alert:
    """Stop the alert's repeats; a higher step still notifies. NotFound when the actor cannot see it, Forbidden without
    the right, AlertResolved or AlertAlreadyAcknowledged when it is too late.
    """
    alert = (
        Alert.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("scope")
        .filter(pk=alert_id)
        .first()
    )
    if alert is None:
        raise NotFound("No such alert.")
    if not may_acknowledge(actor, alert.scope):
        raise Forbidden(f"{actor.label} may not acknowledge alerts of {alert.scope.path}.")
    if alert.status == Alert.Status.RESOLVED:
        raise AlertResolved("The alert is already resolved.")
    if alert.acknowledged_at is not None:
        raise AlertAlreadyAcknowledged(f"{alert.acknowledged_by} has already acknowledged it.")
    alert.acknowledged_at, alert.acknowledged_by = at, actor.label
    alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
    AlertEvent.objects.create(alert=alert, at=at, kind=AlertEvent.Kind.ACKNOWLEDGED, step=alert.step, detail=reason)
    record_decision(
        actor=actor,
        action="alert.acknowledge",
        scope=alert.scope,
        subject=f"alert:{alert.pk}",
        reason=reason,
        evidence={"guardrail": alert.guardrail, "step": alert.step},
        at=at,
    )
    return alert
