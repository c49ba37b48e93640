"""Exchange rates, which are only ever added to."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from governance.scopes.models import OrganisationQuerySet, Scope

APPEND_ONLY = "RAISE EXCEPTION 'exchange rates are append-only' USING ERRCODE = 'integrity_constraint_violation';"


class ExchangeRate(models.Model):
    """What one unit of `from_currency` is worth in `to_currency`, from a UTC day until the next rate's day. Never
    changed: a new rate for the same day is another row, and the last row holds.
    """

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    from_currency = models.CharField(max_length=3)
    to_currency = models.CharField(max_length=3)
    effective_from = models.DateField()
    rate = models.DecimalField(max_digits=14, decimal_places=8)
    source = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=300)

    objects = OrganisationQuerySet["ExchangeRate"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
            models.CheckConstraint(
                condition=~Q(from_currency=F("to_currency")), name="exchange_rate_between_two_currencies"
            ),
        ]
        indexes = [
            # Read when rates are stated and by the pricing context: all rates of one organisation.
            models.Index(
                fields=["organisation", "from_currency", "to_currency", "effective_from"], name="exchange_rate_of_day"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name=f"refuse_{operation.lower()}",
                when=pgtrigger.Before,
                level=pgtrigger.Row,
                operation=getattr(pgtrigger, operation),
                func=APPEND_ONLY,
            )
            for operation in ("Update", "Delete")
        ]

    def __str__(self) -> str:
        return f"{self.from_currency} {self.rate.normalize():f} {self.to_currency} {self.effective_from}"
