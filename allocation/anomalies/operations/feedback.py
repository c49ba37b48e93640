"""People's feedback on anomalies."""

from datetime import datetime

from django.db import transaction

from allocation.anomalies.models import Anomaly, Feedback
from governance.errors import Forbidden, NotFound, ReasonMissing
from governance.people.models import DecisionRight
from governance.people.rules import Actor
from governance.records.operations import record_decision


@transaction.atomic
def give_feedback(*, anomaly_id: int, feedback: Feedback, reason: str, actor: Actor, at: datetime) -> Anomaly:
    """Record whether it was an anomaly. New feedback replaces the old; decision records keep both. `accepted`
    closes a rise that still lasts: what was used since its first day is usual from then on.

    Errors: not_found, forbidden, reason_missing.
    """
    anomaly = (
        Anomaly.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("scope")
        .filter(pk=anomaly_id)
        .first()
    )
    if anomaly is None:
        raise NotFound("There is no such anomaly among those you may see.")
    if not actor.may(DecisionRight.ACKNOWLEDGE, anomaly.scope):
        raise Forbidden(f"{actor.label} may not judge anomalies of {anomaly.scope.path}.")
    if not reason.strip():
        raise ReasonMissing("Say in a sentence how you know, so that the next reader can rely on it.")
    before = anomaly.feedback
    anomaly.feedback, anomaly.feedback_reason = Feedback(feedback), reason
    anomaly.feedback_by, anomaly.feedback_at = actor.label, at
    if anomaly.status == Anomaly.Status.OPEN and anomaly.feedback == Feedback.ACCEPTED:
        anomaly.status, anomaly.closed_at, anomaly.accepted_at = Anomaly.Status.CLOSED, at, at
    anomaly.save(
        update_fields=[
            "feedback", "feedback_reason", "feedback_by", "feedback_at", "status", "closed_at", "accepted_at",
        ]
    )  # fmt: skip
    record_decision(
        actor=actor,
        action="anomaly.judge",
        scope=anomaly.scope,
        subject=f"anomaly:{anomaly.pk}",
        reason=reason,
        evidence={
            "feedback": anomaly.feedback,
            "before": before,
            "accepted": anomaly.accepted_at is not None,
            "model": anomaly.model,
            "metric": anomaly.metric,
            "first_day": str(anomaly.first_day),
            "last_day": str(anomaly.last_day),
            "excess_cost": str(anomaly.excess_cost),
        },
        at=at,
    )
    return anomaly
