from __future__ import annotations

from django.db import models
from django.db.models import Q

from allocation.models.versioned import OrganisationQuerySet, Versioned
from governance.models import Scope


class AttributionRuleSet(Versioned):
    objects = OrganisationQuerySet["AttributionRuleSet"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="attribution_version_once"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="attribution_one_current"),
        ]


class AttributionRule(models.Model):
    """When every attribute matches, exactly or by `*`, the record belongs to the scope."""

    rule_set = models.ForeignKey(AttributionRuleSet, on_delete=models.PROTECT, related_name="rules")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True)
    when = models.JSONField()
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    effective_from = models.DateField(null=True)
    effective_to = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "position"], name="attribution_rule_position_once"),
        ]

    def __str__(self) -> str:
        return self.name or f"rule {self.position + 1}"
