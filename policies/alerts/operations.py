from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.errors import DomainError, Forbidden, NotFound
from governance.people.rules import Actor
from governance.records.operations import record_decision
from policies.alerts.models import Alert, AlertEvent
from policies.alerts.rules import may_acknowledge


class AlertAlreadyAcknowledged(DomainError):
    code = "alert_already_acknowledged"


class AlertResolved(DomainError):
    code = "alert_resolved"


@transaction.atomic
def acknowledge_alert(*, alert_id: int, actor: Actor, at: datetime, reason: str = "") -> Alert:
    """Somebody has seen it: it is no longer repeated; a higher step still is told of."""
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
        raise AlertResolved("The alert is resolved already.")
    if alert.acknowledged_at is not None:
        raise AlertAlreadyAcknowledged(f"{alert.acknowledged_by} has acknowledged it already.")
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
