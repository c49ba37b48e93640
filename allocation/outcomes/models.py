"""Reported outcomes and their daily sums."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from governance.scopes.models import Scope, ScopedQuerySet

OUTCOME_TABLE = "allocation_outcome"
OUTCOME_DAY_TABLE = "allocation_outcomeday"


class OutcomeKind(models.TextChoices):
    """Whether the business got a result or an agent took an action."""

    OUTCOME = "outcome"
    ACTION = "action"


class Outcome(models.Model):
    """A business outcome or action as it was reported; never changed. `identity` is a digest of organisation, source
    and event id, and of its sender where another's has these already (ADR 50).
    """

    identity = models.UUIDField(editable=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    booked_on = models.DateField(
        help_text="The UTC day it counts on: that of its arrival once its own month is closed."
    )
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    source = models.CharField(max_length=128)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=OutcomeKind.choices)
    name = models.CharField(max_length=64)
    quantity = models.BigIntegerField()
    is_success = models.BooleanField()
    value = models.DecimalField(
        max_digits=24, decimal_places=9, null=True, help_text="Of the whole quantity, in the organisation's currency."
    )
    quality_score = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    safety_flags = ArrayField(models.CharField(max_length=64), default=list)
    task_ids = ArrayField(models.CharField(max_length=200), default=list)
    attribution = models.CharField(max_length=250, help_text="explicit, task, unattributed, or the rule that matched.")
    attributes = models.JSONField(default=dict)
    sender = models.CharField(
        max_length=10, blank=True, default="", db_default="",
        help_text="The public prefix of the Weir key that sent it, or import. Empty: not known.",
    )  # fmt: skip

    objects = ScopedQuerySet["Outcome"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["identity", "occurred_at"], name="outcome_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="outcome_counts_at_least_one"),
            models.CheckConstraint(
                condition=Q(quality_score__isnull=True) | Q(quality_score__gte=0, quality_score__lte=1),
                name="outcome_quality_is_a_share",
            ),
        ]
        indexes = [
            # Read by GET /api/v1/outcomes and the admin: a scope's outcomes, newest first.
            models.Index(fields=["scope", "-occurred_at"], name="outcome_of_scope"),
            # Read by lists over many scopes, newest first.
            models.Index(fields=["-occurred_at", "-id"], name="outcome_newest"),
        ]
        triggers = [pgtrigger.Protect(name="outcome_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"


class OutcomeDay(models.Model):
    """Sums of the outcomes of one scope, UTC day, kind and name. `value` is in the organisation's currency."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    day = models.DateField(help_text="UTC.")
    kind = models.CharField(max_length=10, choices=OutcomeKind.choices)
    name = models.CharField(max_length=64)
    count = models.BigIntegerField()
    successful = models.BigIntegerField()
    flagged = models.BigIntegerField(help_text="With at least one safety flag.")
    value = models.DecimalField(max_digits=30, decimal_places=9)
    quality_sum = models.DecimalField(max_digits=30, decimal_places=6, help_text="Scores, each times its quantity.")
    quality_count = models.BigIntegerField()

    objects = ScopedQuerySet["OutcomeDay"].as_manager()

    class Meta:
        verbose_name_plural = "outcomes by day"
        constraints = [
            # Scope first: unit economics reads the scopes of a subtree over a range of days.
            models.UniqueConstraint(fields=["scope", "day", "kind", "name"], name="outcome_day_once"),
            models.CheckConstraint(
                condition=Q(successful__gte=0, successful__lte=F("count"), flagged__gte=0, flagged__lte=F("count")),
                name="outcome_day_parts_fit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.day} {self.name}"
