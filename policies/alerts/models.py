"""Alerts and their history."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, ScopedQuerySet
from policies.guardrails.models import GuardrailVersion


class AlertQuerySet(ScopedQuerySet["Alert"]):
    """Narrowed by the path of the scope."""

    def unresolved(self) -> Self:
        """Pending or firing."""
        return self.exclude(status=Alert.Status.RESOLVED)

    def open(self) -> Self:
        """Firing: one that is pending waits to see whether it lasts, and nobody has been told of it."""
        return self.filter(status=Alert.Status.FIRING)


class Alert(models.Model):
    """The incident that a breach opens; at most one is open per scope, guardrail and period."""

    class Status(models.TextChoices):
        PENDING = "pending"
        FIRING = "firing"
        RESOLVED = "resolved"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="alerts")
    guardrail = models.CharField(max_length=100)
    version = models.ForeignKey(GuardrailVersion, on_delete=models.PROTECT, related_name="alerts")
    level = models.CharField(max_length=20, help_text="Enforcement level in force when it opened.")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    step = models.CharField(max_length=100, blank=True)
    severity = models.CharField(max_length=10)
    reason = models.TextField()
    evidence: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    escalated_at = models.DateTimeField(null=True, blank=True)
    last_notified_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolve_reason = models.TextField(blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["scope", "guardrail", "period_start"],
                condition=~Q(status="resolved"),
                name="alert_is_open_once_per_scope_guardrail_and_period",
            ),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False) & ~Q(resolve_reason="")
                | (~Q(status="resolved") & Q(resolved_at__isnull=True, resolve_reason="")),
                name="alert_resolved_says_when_and_why",
            ),
            models.CheckConstraint(condition=~Q(status="firing") | ~Q(step=""), name="alert_firing_names_its_step"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="alert_acknowledged_says_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(period_start__lt=models.F("period_end")), name="alert_period_is_not_empty"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-opened_at", "-id"], name="alert_newest"),
            models.Index(fields=["scope", "status"], name="alert_scope_status"),
        ]

    def __str__(self) -> str:
        return f"{self.guardrail} on {self.scope.path}: {self.status}"


class AlertEvent(models.Model):
    """What happened to an alert, in order. Rows are added, never changed."""

    class Kind(models.TextChoices):
        PENDING = "pending"
        STEP_STARTED = "step_started"
        STEP_ENDED = "step_ended"
        NOTIFIED = "notified"
        WOULD_NOTIFY = "would_notify"
        CONSTRAINED = "constrained"
        WOULD_CONSTRAIN = "would_constrain"
        NO_DATA = "no_data"
        DATA_BACK = "data_back"
        ACKNOWLEDGED = "acknowledged"
        RELEASED = "released"
        RESOLVED = "resolved"

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, choices=Kind.choices)
    step = models.CharField(max_length=100, blank=True)
    detail = models.TextField(blank=True)
    evidence: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["alert", "id"], name="alert_event_order")]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            pgtrigger.Protect(name="alert_event_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}".strip()
