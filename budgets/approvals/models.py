"""Grants that wait for a second person."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from budgets.plans.models import Budget, changed
from governance.scopes.models import ScopedQuerySet

FIXED = ("budget", "amount", "period_start", "period_end", "reason", "proposed_by", "proposed_at")
DECISION = ("decided_by", "decided_at", "decision_reason")


class GrantProposalQuerySet(ScopedQuerySet["GrantProposal"]):
    path_field = "budget__scope__path"

    def waiting(self) -> Self:
        """Those that nobody has decided on."""
        return self.filter(status=GrantProposal.Status.WAITING)


class GrantProposal(models.Model):
    """More for one period of a budget, asked for by one person with the right and decided by another. Nothing moves
    before. `amount` is in the budget's unit, on top of what the period has.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        MADE = "made"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="grant_proposals", editable=False)
    amount = models.DecimalField(max_digits=24, decimal_places=9, editable=False)
    period_start = models.DateField(editable=False)
    period_end = models.DateField(editable=False)
    reason = models.TextField(editable=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.WAITING, editable=False)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    proposed_at = models.DateTimeField(editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, default="", editable=False)

    objects = GrantProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="grant_proposal_amount_is_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="grant_proposal_decision_complete",
                condition=(~Q(status="waiting") & Q(decided_by__isnull=False, decided_at__isnull=False))
                & ~Q(decision_reason="")
                | Q(status="waiting", decided_by=None, decided_at=None, decision_reason=""),
            ),
            models.CheckConstraint(
                name="grant_proposal_decided_by_another_person",
                condition=Q(status="withdrawn") | Q(decided_by=None) | ~Q(decided_by=F("proposed_by")),
            ),
            models.UniqueConstraint(name="grant_proposal_one_waits", fields=["budget"], condition=Q(status="waiting")),
        ]
        triggers = [
            pgtrigger.FSM(
                name="grant_proposal_status_steps",
                field="status",
                transitions=[("waiting", "made"), ("waiting", "rejected"), ("waiting", "withdrawn")],
            ),
            pgtrigger.Trigger(
                name="grant_proposal_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=changed(*FIXED) | (~pgtrigger.Q(old__status="waiting") & changed(*DECISION)),
                func="RAISE EXCEPTION 'grant proposal %: what was asked for is not edited', OLD.id"
                " USING ERRCODE = 'integrity_constraint_violation';",
            ),
            pgtrigger.Protect(name="grant_proposal_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} more for {self.budget}"
