"""Charge lines of usage."""

from __future__ import annotations

from django.db import models

from allocation.meters.documents import LABEL_MAX
from allocation.usage.models.records import Activity
from governance.scopes.models import Scope, ScopedQuerySet

CHARGE_TABLE = "allocation_usagecharge"
CALL_MONTH_TABLE = "allocation_usagecallmonth"
CHARGE_MONTH_TABLE = "allocation_usagechargemonth"
SUMMED_MONTH_TABLE = "allocation_summedmonth"


class ChargeClass(models.TextChoices):
    """FOCUS's ChargeClass: whether a charge corrects a closed billing period."""

    ORIGINAL = "", "original"
    CORRECTION = "Correction", "correction of a closed period"


class UsageCharge(models.Model):
    """The cost of one meter of a model for a scope on a UTC day. As in FOCUS, meters do not overlap: `input` is without
    its cached part. Effective costs of a (day, scope, provider, model, activity) sum to the day's roll-up.
    """

    day = models.DateField()
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    activity = models.CharField(max_length=16, choices=Activity.choices)
    service_tier = models.CharField(max_length=LABEL_MAX)
    price_source = models.CharField(max_length=100)
    price_version = models.CharField(max_length=40, blank=True)
    charge_class = models.CharField(max_length=10, choices=ChargeClass.choices, blank=True)
    meter = models.CharField(max_length=32, help_text="A meter of the price books, or adjustment: money alone.")
    list_unit_price = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    contracted_unit_price = models.DecimalField(
        max_digits=24, decimal_places=12, null=True, help_text="Per million tokens, per request or per GPU hour."
    )
    requests = models.BigIntegerField(help_text="Of the records behind this line; lines of other meters repeat them.")
    quantity = models.DecimalField(max_digits=30, decimal_places=9, help_text="Tokens, requests or hours.")
    list_cost = models.DecimalField(max_digits=24, decimal_places=9)
    contracted_cost = models.DecimalField(max_digits=24, decimal_places=9)
    effective_cost = models.DecimalField(max_digits=24, decimal_places=9)
    billed_cost = models.DecimalField(max_digits=24, decimal_places=9)

    objects = ScopedQuerySet["UsageCharge"].as_manager()

    class Meta:
        constraints = [
            # Scope first: exports and unit economics read one subtree over a range of days.
            models.UniqueConstraint(
                fields=[
                    "scope", "day", "provider", "model", "activity", "service_tier", "price_source", "price_version",
                    "charge_class", "meter", "list_unit_price", "contracted_unit_price",
                ],
                nulls_distinct=False,
                name="usage_charge_once",
            ),
        ]  # fmt: skip
        indexes = [
            # Read by the lists of charges of API and admin: those of many scopes, newest first.
            models.Index(fields=["-day", "-id"], name="usage_charge_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.day} {self.model} {self.meter}"


class UsageChargeMonth(models.Model):
    """Sums of the charge lines of a scope over a month that has ended, without what only exports and lists ask for.
    They hold as long as the month is among those summed.
    """

    month = models.DateField(help_text="Its first day, UTC.")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    price_source = models.CharField(max_length=100)
    price_version = models.CharField(max_length=40, blank=True)
    charge_class = models.CharField(max_length=10, choices=ChargeClass.choices, blank=True)
    meter = models.CharField(max_length=32)
    has_price = models.BooleanField(help_text="Whether a contracted unit price is stated.")
    has_cost = models.BooleanField(help_text="Whether each of the lines has an effective cost other than 0.")
    quantity = models.DecimalField(max_digits=30, decimal_places=9)
    effective_cost = models.DecimalField(max_digits=24, decimal_places=9)

    objects = ScopedQuerySet["UsageChargeMonth"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["month", "scope"], name="usage_charge_month")]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.month:%Y-%m} {self.model} {self.meter}"


class UsageCallMonth(models.Model):
    """Calls of a scope and model over a month that has ended, without those that failed."""

    month = models.DateField(help_text="Its first day, UTC.")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    provider = models.CharField(max_length=128)
    model = models.CharField(max_length=128)
    requests = models.BigIntegerField()
    unpriced_requests = models.BigIntegerField()

    objects = ScopedQuerySet["UsageCallMonth"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["month", "scope"], name="usage_call_month")]

    def __str__(self) -> str:
        return f"{self.scope_id} {self.month:%Y-%m} {self.model}"


class SummedMonth(models.Model):
    """A month whose charge lines and calls are summed in UsageChargeMonth and UsageCallMonth. Whoever adds to a charge
    line of it takes it away: calls that count are charged, if only as unpriced.
    """

    month = models.DateField(unique=True, help_text="Its first day, UTC.")
    summed_at = models.DateTimeField()

    objects = models.Manager["SummedMonth"]()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
