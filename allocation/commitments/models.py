"""Declared commitments, in versions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from governance.documents.models import Versioned
from governance.scopes.models import OrganisationQuerySet, Scope


class CommitmentKind(models.TextChoices):
    RESERVED_GPU = "reserved_gpu", "reserved GPU"
    COMMITTED_SPEND = "committed_spend"
    PROVISIONED_THROUGHPUT = "provisioned_throughput"


class CommitmentUnit(models.TextChoices):
    GPU_HOUR = "gpu_hour", "GPU hour"
    TOKEN = "token"  # noqa: S105  # a unit
    REQUEST = "request"
    MONEY = "money"


class Commitment(Versioned):
    """Capacity or spend that is paid for every month, used or not. The current version applies to past months too."""

    kind = models.CharField(max_length=30, choices=CommitmentKind.choices)
    provider = models.CharField(max_length=128)
    models_covered = ArrayField(models.CharField(max_length=128), help_text="Names, or patterns with *.")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", help_text="Whose usage it covers.")
    currency = models.CharField(max_length=3)
    amount_per_month = models.DecimalField(max_digits=24, decimal_places=9)
    unit = models.CharField(max_length=10, choices=CommitmentUnit.choices)
    units_per_month = models.DecimalField(max_digits=24, decimal_places=6)
    on_demand_unit_price = models.DecimalField(
        max_digits=24, decimal_places=12, null=True, help_text="Per GPU hour, million tokens, request or unit of money."
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, help_text="First day not covered any more.")

    objects = OrganisationQuerySet["Commitment"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="commitment_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="commitment_one_current"),
            models.CheckConstraint(
                condition=Q(amount_per_month__gt=0, units_per_month__gt=0), name="commitment_costs_and_gives_something"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="commitment_ends_after_it_starts",
            ),
        ]
