"""Who owns a scope, as which persona, with which decision right."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, ScopedQuerySet


class Persona(models.TextChoices):
    """The role in which somebody owns a scope."""

    ENGINEERING = "engineering"
    FINANCE = "finance"
    FINOPS = "finops", "FinOps"
    PLATFORM = "platform"


class DecisionRight(models.TextChoices):
    """What somebody may decide at and below a scope."""

    APPROVE_BUDGET = "approve_budget"
    SET_UNIT_COST = "set_unit_cost"
    CONSTRAIN_DEMAND = "constrain_demand"
    ACKNOWLEDGE = "acknowledge"
    # A little more for a budget at once, reviewed afterwards (ADR 59); of no persona unless it is given.
    GRANT_IN_EMERGENCY = "grant_in_emergency"


class OwnershipQuerySet(ScopedQuerySet["Ownership"]):
    """Ownerships, visible by their scope."""

    def of(self, user_id: int) -> Self:
        """Those of the person, directly or through a group."""
        return self.filter(Q(user_id=user_id) | Q(group__user=user_id))


class Ownership(models.Model):
    """A person or a group holds one decision right over a scope and all below it; without a right they are informed and
    may look.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="ownerships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="ownerships"
    )
    group = models.ForeignKey("auth.Group", on_delete=models.PROTECT, null=True, blank=True, related_name="ownerships")
    persona = models.CharField(max_length=20, choices=Persona.choices)
    decision_right = models.CharField(max_length=20, choices=DecisionRight.choices, blank=True, default="")

    objects = OwnershipQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ownership"
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(group__isnull=True), name="ownership_is_of_a_person_or_a_group"
            ),
            models.UniqueConstraint(
                fields=["scope", "user", "persona", "decision_right"],
                condition=Q(user__isnull=False),
                name="ownership_once_per_person",
            ),
            models.UniqueConstraint(
                fields=["scope", "group", "persona", "decision_right"],
                condition=Q(group__isnull=False),
                name="ownership_once_per_group",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group} · {self.persona} · {self.decision_right or 'informed'} · {self.scope}"
