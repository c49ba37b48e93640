"""A constraint as it is stored, and which columns say what it imposes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from governance.memory.models import tells_of
from governance.scopes.models import Scope, ScopedQuerySet
from policies.alerts.models import Alert
from policies.guardrails.engine.constraint_kinds import Block, ConstraintKind
from policies.guardrails.models import GuardrailVersion

KIND_FIELDS = ("action", "model_patterns")
"""The fields that say what is imposed: written, refreshed and shown together, in this order."""


class ConstraintQuerySet(ScopedQuerySet["Constraint"]):
    def in_force(self, at: datetime) -> Self:
        """Active and not expired: from the moment it is written, even if ``starts_at`` is ahead of ``at``."""
        return self.filter(status=Constraint.Status.ACTIVE, expires_at__gt=at)

    def lifted_by_hand(self) -> Self:
        """Released by a person while its alert is open."""
        return self.filter(status=Constraint.Status.RELEASED, alert__status__in=("pending", "firing")).exclude(
            released_by="weir"
        )


class Constraint(models.Model):
    """A limit on the demand of a scope and all below it: desired state, with owner, reason, evidence and end."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        RELEASED = "released"
        EXPIRED = "expired"

    class Action(models.TextChoices):
        BLOCK = "block"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="constraints")
    guardrail = models.CharField(max_length=100)
    version = models.ForeignKey(GuardrailVersion, on_delete=models.PROTECT, related_name="constraints")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="constraints")
    step = models.CharField(max_length=100)
    action = models.CharField(max_length=20, choices=Action.choices, default=Action.BLOCK)
    model_patterns: ArrayField[list[str], list[str]] = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        db_column="models",
        verbose_name="models",
        help_text="Model names or patterns with *; empty: every model.",
    )
    owner = models.CharField(max_length=200)
    reason = models.TextField()
    evidence: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    min_hold_until = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=200, blank=True)
    release_reason = models.TextField(blank=True)

    objects = ConstraintQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["scope", "guardrail", "step"],
                condition=Q(status="active"),
                name="constraint_is_active_once_per_scope_guardrail_and_step",
            ),
            models.CheckConstraint(
                condition=Q(status="active", released_at__isnull=True, release_reason="", released_by="")
                | (~Q(status="active") & Q(released_at__isnull=False) & ~Q(release_reason="") & ~Q(released_by="")),
                name="constraint_ended_says_when_why_and_by_whom",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("starts_at")), name="constraint_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(owner=""), name="constraint_has_reason_and_owner"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            # Read by queries.decide on every decision.
            models.Index(fields=["scope"], condition=Q(status="active"), name="constraint_active_scope"),
            models.Index(fields=["-starts_at", "-id"], name="constraint_newest"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = tells_of("constraint")

    def __str__(self) -> str:
        return f"{self.guardrail}/{self.step} on {self.scope.path}: {self.status}"


def columns_of(constraint: ConstraintKind) -> dict[str, Any]:
    """The values of ``KIND_FIELDS`` for what is to be imposed."""
    match constraint:
        case Block(models=models):
            return {"action": Constraint.Action.BLOCK, "model_patterns": list(models)}
