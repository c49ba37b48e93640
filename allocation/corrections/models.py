"""Corrections of recorded usage, append-only beside the records."""

from __future__ import annotations

import pgtrigger
from django.db import models

from allocation.usage.models import Activity
from governance.scopes.models import OrganisationQuerySet, Scope, ScopedQuerySet


class AdjustmentKind(models.TextChoices):
    RERATE = "rerate", "priced again"
    REATTRIBUTE = "reattribute", "attributed again"
    TAKE_BACK = "take_back", "taken back"
    COUNT_AGAIN = "count_again", "counted again"


class AdjustmentRun(models.Model):
    """A decision to correct recorded usage of [since, until). `cost` is the change of all its adjustments together."""

    kind = models.CharField(max_length=20, choices=AdjustmentKind.choices)
    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="Not included.")
    reason = models.CharField(max_length=500)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=300)
    finished_at = models.DateTimeField(null=True)
    records = models.BigIntegerField(default=0, help_text="Corrected.")
    cost = models.DecimalField(max_digits=24, decimal_places=9, default=0, help_text="Change of the whole.")

    objects = OrganisationQuerySet["AdjustmentRun"].as_manager()

    class Meta:
        triggers = [pgtrigger.Protect(name="adjustment_run_is_kept", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.made_at:%FT%TZ}"


class Adjustment(models.Model):
    """What a correction adds to a scope, or takes from it, for one usage record. The record itself never changes. A
    record that moves to another scope has two rows that sum to zero; one that is taken back counts for nothing until it
    is counted again.
    """

    run = models.ForeignKey(AdjustmentRun, on_delete=models.PROTECT, related_name="adjustments")
    record_id = models.UUIDField()
    record_occurred_at = models.DateTimeField()
    made_at = models.DateTimeField()
    booked_at = models.DateTimeField(help_text="When it counts: with its record, or now where that period is closed.")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    activity = models.CharField(max_length=16, choices=Activity.choices)
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    unpriced_requests = models.BigIntegerField(default=0)
    partly_unpriced_requests = models.BigIntegerField(default=0, db_default=0)
    unpriced_tokens = models.BigIntegerField(default=0, db_default=0)
    tokenless_cost = models.DecimalField(max_digits=24, decimal_places=9, default=0, db_default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_input_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    gpu_seconds = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    cost = models.DecimalField(max_digits=24, decimal_places=9, default=0)
    list_cost = models.DecimalField(
        max_digits=24, decimal_places=9, null=True, help_text="Change at list prices; empty: as the cost."
    )
    price_source = models.CharField(max_length=100, blank=True)
    price_version = models.CharField(max_length=40, blank=True)
    attribution = models.CharField(max_length=250, blank=True, help_text="Where it moved to, and by which rule.")

    objects = ScopedQuerySet["Adjustment"].as_manager()

    class Meta:
        indexes = [
            # Read by every correction, for the adjustments of its records.
            models.Index(fields=["record_id", "record_occurred_at"], name="adjustment_of_record"),
            # Read by lists of a scope's adjustments and by figures as they were known.
            models.Index(fields=["scope", "booked_at"], name="adjustment_of_scope"),
        ]
        triggers = [
            pgtrigger.Protect(name="adjustments_are_kept", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} {self.cost}"
