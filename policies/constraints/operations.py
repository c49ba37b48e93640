"""Releasing a constraint by hand."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.errors import DomainError, Forbidden, NotFound, ReasonMissing
from governance.people.rules import Actor
from governance.records.operations import record_decision
from policies.alerts.models import AlertEvent
from policies.alerts.operations import Ending, add_events, tell_endings
from policies.constraints.models import Constraint
from policies.constraints.rules import may_release_constraint
from policies.guardrails.engine.constraint_kinds import imposed_by, lifted


class ConstraintNotActive(DomainError):
    """It was released or has expired."""

    code = "constraint_not_active"


def _ending(constraint: Constraint) -> Ending:
    imposed = imposed_by(constraint.action, constraint.model_patterns, "")
    return Ending(
        alert_id=constraint.alert_id,
        guardrail=constraint.guardrail,
        scope_id=constraint.scope_id,
        scope_path=constraint.scope.path,
        key=f"constraint:{constraint.pk}:released",
        reason=f"{constraint.released_by}: {constraint.release_reason}",
        is_over=False,
        steps=(constraint.step,),
        lifted=(lifted(imposed, constraint.guardrail),),
        still="It is set again only after a new crossing.",
    )


@transaction.atomic
def release_constraint(*, constraint_id: int, actor: Actor, reason: str, at: datetime) -> Constraint:
    """A person lifts the limit for this crossing, and whoever was told of it is told. The alert stays open; a new
    crossing sets the limit again.

    Raises NotFound, Forbidden, ReasonMissing, ConstraintNotActive.
    """
    constraint = (
        Constraint.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related("scope")
        .filter(pk=constraint_id)
        .first()
    )
    if constraint is None:
        raise NotFound("No such constraint.")
    if not may_release_constraint(actor, constraint.scope):
        raise Forbidden(f"{actor.label} may not release constraints of {constraint.scope.path}.")
    if not reason.strip():
        raise ReasonMissing("Say why the constraint is released.")
    if constraint.status != Constraint.Status.ACTIVE:
        raise ConstraintNotActive(f"The constraint is {constraint.status} already.")
    constraint.status = Constraint.Status.RELEASED
    constraint.released_at, constraint.released_by, constraint.release_reason = at, actor.label, reason
    constraint.save(update_fields=["status", "released_at", "released_by", "release_reason"])
    AlertEvent.objects.create(
        alert_id=constraint.alert_id, at=at, kind=AlertEvent.Kind.RELEASED, step=constraint.step, detail=reason
    )
    add_events(tell_endings([_ending(constraint)], at=at), at=at)
    record_decision(
        actor=actor,
        action="constraint.release",
        scope=constraint.scope,
        subject=f"constraint:{constraint.pk}",
        reason=reason,
        evidence={"guardrail": constraint.guardrail, "step": constraint.step, **constraint.evidence},
        at=at,
    )
    return constraint
