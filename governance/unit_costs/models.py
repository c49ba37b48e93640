"""What a unit may cost, as it was accepted."""

from __future__ import annotations

from datetime import date
from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from governance.calendar.queries import in_force
from governance.scopes.models import Scope, ScopedQuerySet


class CostUnit(models.TextChoices):
    """The units in which a cost may be accepted."""

    INFERENCE = "inference"
    THOUSAND_TOKENS = "1k_tokens", "1,000 tokens"
    ACTION = "action"
    OUTCOME = "outcome"
    SUCCESSFUL_OUTCOME = "successful_outcome"
    GPU_HOUR = "gpu_hour", "GPU hour"


NAMED_UNITS = (CostUnit.ACTION, CostUnit.OUTCOME, CostUnit.SUCCESSFUL_OUTCOME)


class UnitCostTargetQuerySet(ScopedQuerySet["UnitCostTarget"]):
    """Accepted unit costs, visible by their scope."""

    def covering(self, day: date) -> Self:
        """Those whose dates contain the day; for one scope, unit and name the latest version holds."""
        return self.filter(in_force(day, since="effective_from", until="until"))


class UnitCostTarget(models.Model):
    """What one unit may cost: accepted by whom, why, from when, and when to be reviewed. Never edited: another decision
    is the next version, and of the versions whose dates contain a day the latest holds.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="unit_cost_targets")
    unit = models.CharField(max_length=20, choices=CostUnit.choices)
    outcome_name = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="Of an outcome or reported action; empty: of all, or of tasks.",
    )
    version = models.PositiveIntegerField(editable=False)
    amount = models.DecimalField(max_digits=24, decimal_places=9, help_text="In the organisation's currency.")
    currency = models.CharField(max_length=3, editable=False)
    reason = models.TextField(help_text="Why this much is right.")
    effective_from = models.DateField()
    until = models.DateField(null=True, blank=True, help_text="Not included; empty: until another is accepted.")
    review_by = models.DateField(null=True, blank=True, help_text="When it is to be looked at again.")
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    accepted_by_label = models.CharField(max_length=300, editable=False)
    accepted_at = models.DateTimeField(editable=False)

    objects = UnitCostTargetQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also read by `unit_costs_in_force`.
            models.UniqueConstraint(
                fields=["scope", "unit", "outcome_name", "version"], name="unit_cost_target_version_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="unit_cost_target_is_positive"),
            models.CheckConstraint(
                condition=Q(outcome_name="") | Q(unit__in=NAMED_UNITS), name="unit_cost_target_names_what_has_names"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("effective_from")),
                name="unit_cost_target_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(review_by__isnull=True) | Q(review_by__gte=F("effective_from")),
                name="unit_cost_target_is_reviewed_after_it_starts",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="unit_cost_target_has_a_reason"),
        ]
        triggers = [
            pgtrigger.Protect(name="unit_cost_target_is_immutable", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.amount.normalize():f} {self.currency} per {self.named_unit} (v{self.version})"

    @property
    def named_unit(self) -> str:
        """Such as `successful_outcome ticket_resolved`."""
        return f"{self.unit} {self.outcome_name}".strip()
