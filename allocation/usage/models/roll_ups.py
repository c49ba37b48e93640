"""Sums of usage per minute, hour and day, and the watermark of each organisation's feed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from allocation.usage.models.records import Activity
from governance.scopes.models import Scope, ScopedQuerySet

BUCKET_KEY = ["bucket", "scope", "provider", "model", "activity"]
MINUTE_TABLE = "allocation_usageminute"
HOUR_TABLE = "allocation_usagehour"
DAY_TABLE = "allocation_usageday"
SCOPE_DAY_TABLE = "allocation_usagescopeday"
FINE_TABLES = (MINUTE_TABLE, HOUR_TABLE)


class RollUp(models.Model):
    """Sums of the usage records of one scope, time bucket, provider, model and activity, corrections included."""

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    activity = models.CharField(max_length=16, choices=Activity.choices)
    requests = models.BigIntegerField()
    errors = models.BigIntegerField()
    unpriced_requests = models.BigIntegerField()
    partly_unpriced_requests = models.BigIntegerField(
        default=0, db_default=0, help_text="Their cost leaves out something that was counted and has no price."
    )
    unpriced_tokens = models.BigIntegerField(
        default=0, db_default=0, help_text="Input and output tokens without a price."
    )
    tokenless_cost = models.DecimalField(
        max_digits=24, decimal_places=9, default=0, db_default=0,
        help_text="Of calls without any token that has a price.",
    )  # fmt: skip
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    gpu_seconds = models.DecimalField(max_digits=24, decimal_places=6)
    cost = models.DecimalField(max_digits=24, decimal_places=9)
    last_occurred_at = models.DateTimeField()
    last_received_at = models.DateTimeField()

    class Meta:
        abstract = True

    @property
    def total_tokens(self) -> int:
        """Input and output; their parts are included."""
        return self.input_tokens + self.output_tokens


class FineRollUp(RollUp):
    """Sums of less than a day, partitioned by week and dropped when no window reaches back to them any more (migration
    0037).
    """

    # The days that are written in the same statement have the foreign key.
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")

    class Meta:
        abstract = True


class UsageMinute(FineRollUp):
    """Sums of one minute."""

    bucket = models.DateTimeField(help_text="Start of the minute, UTC.")

    objects = ScopedQuerySet["UsageMinute"].as_manager()

    class Meta:
        constraints = [
            # Bucket first: window totals read a range of time over all scopes.
            models.UniqueConstraint(fields=BUCKET_KEY, name="usage_minute_once"),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.bucket:%FT%H:%M} {self.model}"


class UsageHour(FineRollUp):
    """Sums of one hour."""

    bucket = models.DateTimeField(help_text="Start of the hour, UTC.")

    objects = ScopedQuerySet["UsageHour"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=BUCKET_KEY, name="usage_hour_once"),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.bucket:%FT%H} {self.model}"


class UsageDay(RollUp):
    """Sums of one UTC day."""

    bucket = models.DateTimeField(help_text="Start of the UTC day.")

    objects = ScopedQuerySet["UsageDay"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=BUCKET_KEY, name="usage_day_once"),
        ]
        indexes = [
            # Read by the summary: one scope's history over months.
            models.Index(fields=["scope", "bucket"], name="usage_day_of_scope"),
            # Read by unit economics: the cost of models that ran on GPUs of one's own.
            models.Index(fields=["scope", "bucket"], name="usage_day_of_gpus", condition=~Q(gpu_seconds=0)),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.bucket:%F} {self.model}"


class UsageScopeDay(models.Model):
    """Sums of UsageDay over all models of a scope, day and activity: a tenth of its rows or less. Read wherever models
    do not matter: windows of guardrails, spending, unit economics.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    bucket = models.DateTimeField(help_text="Start of the UTC day.")
    activity = models.CharField(max_length=16, choices=Activity.choices)
    requests = models.BigIntegerField()
    errors = models.BigIntegerField()
    unpriced_requests = models.BigIntegerField()
    partly_unpriced_requests = models.BigIntegerField()
    unpriced_tokens = models.BigIntegerField(help_text="Input and output tokens without a price.")
    input_tokens = models.BigIntegerField()
    cached_input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    gpu_seconds = models.DecimalField(max_digits=24, decimal_places=6)
    cost = models.DecimalField(max_digits=24, decimal_places=9)
    tokenless_cost = models.DecimalField(
        max_digits=24, decimal_places=9, help_text="Of calls without any token that has a price."
    )

    objects = ScopedQuerySet["UsageScopeDay"].as_manager()

    class Meta:
        constraints = [
            # Bucket first: windows read a range of time over all scopes.
            models.UniqueConstraint(fields=["bucket", "scope", "activity"], name="usage_scope_day_once"),
        ]
        indexes = [
            # Read by unit economics: one scope's history over months.
            models.Index(fields=["scope", "bucket"], name="usage_scope_day_of_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.bucket:%F} {self.activity}"


class IngestWatermark(models.Model):
    """When an organisation's usage feed last delivered records, repeated ones included."""

    scope = models.OneToOneField(Scope, on_delete=models.CASCADE, primary_key=True, related_name="+")
    last_received_at = models.DateTimeField()

    objects = ScopedQuerySet["IngestWatermark"].as_manager()

    def __str__(self) -> str:
        return f"{self.scope_id} {self.last_received_at:%FT%TZ}"
