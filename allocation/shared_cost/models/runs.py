"""Allocation runs, their pools and charges, all append-only: late data makes a new run, which names the one it
supersedes.
"""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Q

from allocation.shared_cost.models.splits import SharedCostSplit
from governance.scopes.models import OrganisationQuerySet, Scope, ScopedQuerySet, Viewer, seen_by


def _kept(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class RunStatus(models.TextChoices):
    """Provisional until the month is over, then final; failed where the pools could not be split."""

    PROVISIONAL = "provisional"
    FINAL = "final"
    FAILED = "failed"


class AllocationRunQuerySet(OrganisationQuerySet["AllocationRun"]):
    def in_force(self) -> Self:
        """Runs in force: those that did not fail and are not superseded. At most one per organisation and month."""
        return self.exclude(status=RunStatus.FAILED).filter(superseded_by__isnull=True)


class AllocationRun(models.Model):
    """The split of one organisation's shared cost of one month, provisional if the month was not over. A failed run has
    a `problem`, no pools and no charges.
    """

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    period_start = models.DateField()
    period_end = models.DateField(help_text="First day not included.")
    status = models.CharField(max_length=12, choices=RunStatus.choices)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=300)
    reason = models.CharField(max_length=2000, blank=True)
    digest = models.CharField(max_length=64, help_text="Of all that was split and how.")
    problem = models.CharField(max_length=1000, blank=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by", help_text="The run it replaces."
    )

    objects = AllocationRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(period_end__gt=F("period_start")), name="allocation_run_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=(Q(status="failed", supersedes__isnull=True) & ~Q(problem=""))
                | (~Q(status="failed") & Q(problem="")),
                name="allocation_run_failed_says_why",
            ),
            models.UniqueConstraint(
                fields=["organisation", "period_start"],
                condition=Q(supersedes__isnull=True) & ~Q(status="failed"),
                name="allocation_run_first_of_its_month",
            ),
        ]
        triggers = [_kept("allocation_run_is_kept")]

    def __str__(self) -> str:
        return f"{self.organisation} {self.period_start:%Y-%m} {self.status} run {self.pk}"


class SharedPool(models.Model):
    """A pool as one run split it. `own_amount` is direct usage cost, or an amount that no usage record holds;
    `received_amount` came from pools that were split before it.
    """

    run = models.ForeignKey(AllocationRun, on_delete=models.PROTECT, related_name="pools")
    split = models.ForeignKey(SharedCostSplit, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(help_text="Order in which the pools were split.")
    origin = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    is_external = models.BooleanField(help_text="The amount is held by no usage record.")
    own_amount = models.DecimalField(max_digits=24, decimal_places=9)
    received_amount = models.DecimalField(max_digits=24, decimal_places=9)
    method = models.CharField(max_length=20)
    usage_unit = models.CharField(max_length=70)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "split"], name="shared_pool_once_per_run")]
        triggers = [_kept("shared_pool_is_kept")]

    def __str__(self) -> str:
        return str(self.split)

    @property
    def method_id(self) -> str:
        """FOCUS's AllocatedMethodId: the version of the document that describes the method."""
        return f"{self.split.name}@{self.split.version}"


class AllocatedChargeQuerySet(ScopedQuerySet["AllocatedCharge"]):
    def visible_to(self, actor: Viewer) -> Self:
        """Those who see the scope that bears the charge, or the scope that gave it."""
        return self.filter(seen_by(actor, "target__path", "pool__origin__path"))


class AllocatedCharge(models.Model):
    """What one recipient bears of one pool; `target` is the pool's own scope for what it keeps."""

    run = models.ForeignKey(AllocationRun, on_delete=models.PROTECT, db_index=False, related_name="charges")
    pool = models.ForeignKey(SharedPool, on_delete=models.PROTECT, related_name="charges")
    target = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    recipient = models.CharField(max_length=1000, blank=True, help_text="Path as named then; empty: the pool itself.")
    ratio = models.DecimalField(max_digits=13, decimal_places=12)
    amount = models.DecimalField(max_digits=24, decimal_places=9)
    usage_quantity = models.DecimalField(max_digits=40, decimal_places=9, help_text="What drove the ratio.")
    rule = models.CharField(max_length=200, blank=True, help_text="The named rule that was applied.")

    objects = AllocatedChargeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ratio__gte=0, ratio__lte=1), name="allocated_charge_ratio_is_a_part"),
            models.UniqueConstraint(fields=["pool", "recipient"], name="allocated_charge_once_per_recipient"),
        ]
        indexes = [
            # Read by what was shared to a scope in a month.
            models.Index(fields=["run", "target"], name="allocated_charge_of_target"),
        ]
        triggers = [_kept("allocated_charge_is_kept")]

    def __str__(self) -> str:
        return f"{self.amount} of {self.pool_id}"

    @property
    def is_kept(self) -> bool:
        """By the pool's own scope."""
        return self.target_id == self.pool.origin_id
