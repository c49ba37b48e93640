"""Metrics that shared cost may be split by, append-only."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, ScopedQuerySet


class AllocationMetric(models.Model):
    """One value of a metric that shared cost may be split by; (source, event id) is its identity among what its sender
    brought to an organisation (ADR 50).
    """

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    source = models.CharField(max_length=128)
    event_id = models.CharField(max_length=200)
    metric = models.CharField(max_length=63)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    on = models.DateField()
    value = models.DecimalField(max_digits=24, decimal_places=9)
    received_at = models.DateTimeField()
    sender = models.CharField(
        max_length=10, blank=True, default="", db_default="",
        help_text="The public prefix of the Weir key that sent it. Empty: not known.",
    )  # fmt: skip

    objects = ScopedQuerySet["AllocationMetric"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "source", "event_id", "sender"], name="allocation_metric_counted_once"
            ),
            models.CheckConstraint(condition=Q(value__gte=0), name="allocation_metric_not_negative"),
        ]
        indexes = [
            # Read when a month is split by a metric.
            models.Index(fields=["organisation", "metric", "on"], name="allocation_metric_of_month"),
        ]
        triggers = [
            pgtrigger.Protect(name="allocation_metric_is_kept", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.value} on {self.on}"
