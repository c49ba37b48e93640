"""What waits for a second person: grants that raise a ceiling, and ends of budgets that nothing holds back above."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from budgets.plans.models import Budget, changed
from governance.scopes.models import ScopedQuerySet

ASKED = ("budget", "reason", "proposed_by", "proposed_at")
DECISION = ("decided_by", "decided_at", "decision_reason")


class WaitingStatus(models.TextChoices):
    WAITING = "waiting"
    MADE = "made"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


def two_persons(name: str) -> list[models.BaseConstraint]:
    """Decided as a whole, by another person, and one at a time for a budget."""
    return [
        models.CheckConstraint(
            name=f"{name}_decision_complete",
            condition=(~Q(status="waiting") & Q(decided_by__isnull=False, decided_at__isnull=False))
            & ~Q(decision_reason="")
            | Q(status="waiting", decided_by=None, decided_at=None, decision_reason=""),
        ),
        models.CheckConstraint(
            name=f"{name}_decided_by_another_person",
            condition=Q(status="withdrawn") | Q(decided_by=None) | ~Q(decided_by=F("proposed_by")),
        ),
        models.UniqueConstraint(name=f"{name}_one_waits", fields=["budget"], condition=Q(status="waiting")),
    ]


def asked_once(name: str, *fixed: str) -> list[pgtrigger.Trigger]:
    """What was asked for is not edited, what was decided is not undone, and neither is deleted."""
    return [
        pgtrigger.FSM(
            name=f"{name}_status_steps",
            field="status",
            transitions=[("waiting", "made"), ("waiting", "rejected"), ("waiting", "withdrawn")],
        ),
        pgtrigger.Trigger(
            name=f"{name}_is_fixed",
            operation=pgtrigger.Update,
            when=pgtrigger.Before,
            condition=changed(*fixed) | (~pgtrigger.Q(old__status="waiting") & changed(*DECISION)),
            func=f"RAISE EXCEPTION '{name.replace('_', ' ')} %: what was asked for is not edited', OLD.id"
            " USING ERRCODE = 'integrity_constraint_violation';",
        ),
        pgtrigger.Protect(name=f"{name}_is_kept", operation=pgtrigger.Delete),
    ]


RowT = TypeVar("RowT", bound="SecondPerson")


class SecondPersonQuerySet(ScopedQuerySet[RowT]):
    path_field = "budget__scope__path"

    def waiting(self) -> Self:
        """Those that nobody has decided on."""
        return self.filter(status=WaitingStatus.WAITING)


class SecondPerson(models.Model):
    """Asked for by one person with the right and decided by another. Nothing happens before."""

    Status = WaitingStatus

    reason = models.TextField(editable=False)
    status = models.CharField(
        max_length=16, choices=WaitingStatus.choices, default=WaitingStatus.WAITING, editable=False
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    proposed_at = models.DateTimeField(editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    decision_reason = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True

    @property
    def waits(self) -> bool:
        """Whether nobody has decided on it."""
        return self.status == WaitingStatus.WAITING


class GrantProposalQuerySet(SecondPersonQuerySet["GrantProposal"]):
    pass


class GrantProposal(SecondPerson):
    """More for one period of a budget. `amount` is in the budget's unit, on top of what the period has."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="grant_proposals", editable=False)
    amount = models.DecimalField(max_digits=24, decimal_places=9, editable=False)
    period_start = models.DateField(editable=False)
    period_end = models.DateField(editable=False)

    objects = GrantProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="grant_proposal_amount_is_positive", condition=Q(amount__gt=0)),
            *two_persons("grant_proposal"),
        ]
        triggers = asked_once(
            "grant_proposal", "budget", "amount", "period_start", "period_end", "reason", "proposed_by", "proposed_at"
        )

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} more for {self.budget}"


class EndProposalQuerySet(SecondPersonQuerySet["EndProposal"]):
    def open_at(self, at: datetime) -> Self:
        """Those that a second person may still complete."""
        return self.waiting().filter(expires_at__gt=at, budget__status=Budget.Status.APPROVED)


class EndProposal(SecondPerson):
    """The end of a budget that has none above it. Nobody completes it from `expires_at` on."""

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="end_proposals", editable=False)
    expires_at = models.DateTimeField(editable=False)

    objects = EndProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="end_proposal_expires_after_it_is_asked", condition=Q(expires_at__gt=F("proposed_at"))
            ),
            *two_persons("end_proposal"),
        ]
        triggers = asked_once("end_proposal", *ASKED, "expires_at")

    def __str__(self) -> str:
        return f"the end of {self.budget}"
