"""Closed months, append-only."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from governance.scopes.models import OrganisationQuerySet, Scope


class BillingPeriod(models.Model):
    """A closed month of an organisation: its figures no longer change. Usage and corrections that arrive for it later
    count on the day they arrive.
    """

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    start = models.DateField()
    end = models.DateField(help_text="Not included.")
    closed_at = models.DateTimeField()
    closed_by = models.CharField(max_length=300)
    reason = models.CharField(max_length=500)

    objects = OrganisationQuerySet["BillingPeriod"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "start"], name="billing_period_closed_once"),
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="billing_period_ends_after_it_starts"),
        ]
        triggers = [
            pgtrigger.Protect(name="billing_period_stays_closed", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"
