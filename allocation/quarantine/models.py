"""Refused records, as far as they may be kept."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.scopes.models import Scope, ScopedQuerySet

# The `source_format` of outcomes, which wait in the same table.
OUTCOME_FORMAT = "outcome"


class QuarantinedUsageQuerySet(ScopedQuerySet["QuarantinedUsage"]):
    path_field = "authority__path"

    def of_usage(self) -> Self:
        """Without outcomes, which cost nothing and may come before the usage of their task."""
        return self.exclude(source_format=OUTCOME_FORMAT)

    def waiting(self) -> Self:
        """Those that have been neither replayed nor set aside."""
        return self.filter(replayed_at__isnull=True, set_aside_at__isnull=True)


class QuarantinedUsage(models.Model):
    """A refused usage record, kept without its text: known fields and bounded values only, enough to replay it. The
    same record refused again for the same reason raises `seen_count` and adds no row.
    """

    authority = models.ForeignKey(
        Scope, on_delete=models.PROTECT, null=True, related_name="+", help_text="The subtree the sender may write to."
    )
    sender = models.CharField(
        max_length=10, blank=True, default="", db_default="",
        help_text="Whose record it is: the public prefix of a Weir key, or import. Empty: not known.",
    )  # fmt: skip
    source_format = models.CharField(max_length=20)
    code = models.CharField(max_length=40)
    field = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=500)
    payload = models.JSONField(null=True, help_text="As a native usage event; empty when the record was not JSON.")
    dropped_fields = models.JSONField(default=list)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the record as it came.")
    size_bytes = models.BigIntegerField()
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    seen_count = models.BigIntegerField(default=1)
    is_of_imports = models.BooleanField(
        default=False, db_default=False, help_text="Only imported files hold it; nobody else sent it."
    )
    replayed_at = models.DateTimeField(null=True)
    record_id = models.UUIDField(null=True, help_text="Of the usage record that it was replayed as.")
    record_occurred_at = models.DateTimeField(null=True)
    set_aside_at = models.DateTimeField(null=True, help_text="When somebody decided that it will never count.")
    amount = models.DecimalField(
        max_digits=24, decimal_places=9, null=True, help_text="What it states to cost, or would cost. Empty: not known."
    )
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    is_estimate = models.BooleanField(
        default=False, db_default=False, help_text="The amount is reckoned at list prices, not stated."
    )

    objects = QuarantinedUsageQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "quarantined usage"
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "digest", "code"], name="quarantine_once", nulls_distinct=False
            ),
        ]
        indexes = [
            # Read by the quarantine lists, what waits, newest first; and by what sums it up.
            models.Index(
                fields=["-last_seen_at"],
                name="quarantine_waiting",
                condition=Q(replayed_at__isnull=True, set_aside_at__isnull=True),
            ),
            # Read to find the record that a charge of a bill became.
            models.Index(fields=["record_id"], name="quarantine_replayed_as", condition=Q(record_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.digest[:12]}"
