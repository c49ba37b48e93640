"""Declared splits of shared cost, in versions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from governance.documents.models import Versioned
from governance.scopes.models import OrganisationQuerySet, Scope


class SharedCostSplit(Versioned):
    """A declared pool of shared cost and how it is split. A month is split by the newest version in force on its first
    day, whether or not that version is the current one.
    """

    pool_source = models.CharField(max_length=20)
    origin = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20)
    effective_from = models.DateField()
    effective_to = models.DateField(null=True)

    objects = OrganisationQuerySet["SharedCostSplit"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="shared_cost_split_version_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_current=True), name="shared_cost_split_one_current"
            ),
            models.CheckConstraint(
                condition=Q(effective_from__day=1) & (Q(effective_to__isnull=True) | Q(effective_to__day=1)),
                name="shared_cost_split_holds_whole_months",
            ),
        ]
