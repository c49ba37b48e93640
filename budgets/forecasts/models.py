"""What was forecast, when, and on what it rested: one row for a scope, a unit and a span of days."""

from typing import Any, Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from budgets.plans.models import Unit
from governance.scopes.models import Scope, ScopedQuerySet


def _share(help_text: str) -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=12, decimal_places=4, null=True, editable=False, help_text=help_text)


def _amount(*, null: bool = True, help_text: str = "") -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=30, decimal_places=9, null=null, editable=False, help_text=help_text)


class ForecastQuerySet(ScopedQuerySet["Forecast"]):
    """Forecasts, visible by their scope."""

    def made_last(self) -> Self:
        """Those made last for their scope and unit."""
        newest = Forecast.objects.filter(scope=OuterRef("scope"), unit=OuterRef("unit")).order_by("-made_on")
        return self.filter(made_on=Subquery(newest.values("made_on")[:1]))


class Forecast(models.Model):
    """Of all use at and below the scope on the days [starts_on, ends_on), in the unit of a budget. `booked` is what was
    used of it before `made_on`, the first day that is forecast; `low`, `mid` and `high` are the whole, with what is
    booked, and what comes stays below them in 10, 50 and 90 of 100 cases. Null, with a `reason`, when the history says
    too little. `path` has the running total after each day from `made_on` on, for the span that has begun.
    """

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+", editable=False)
    unit = models.CharField(max_length=16, choices=Unit.choices, editable=False)
    currency = models.CharField(max_length=3, blank=True, editable=False, help_text="Of money: the organisation's.")
    made_on = models.DateField(editable=False, help_text="The first day that is forecast.")
    made_at = models.DateTimeField(editable=False)
    starts_on = models.DateField(editable=False)
    ends_on = models.DateField(editable=False, help_text="The first day after.")
    booked = _amount(null=False)
    low = _amount()
    mid = _amount()
    high = _amount()
    reason = models.TextField(blank=True, editable=False, help_text="Why there is no forecast.")
    budgeted = _amount(help_text="The scope's own budget of these days.")
    exhausted_early = models.DateField(null=True, editable=False, help_text="In 10 of 100 cases it is spent by then.")
    exhausted_mid = models.DateField(null=True, editable=False, help_text="In 50 of 100 cases.")
    exhausted_late = models.DateField(null=True, editable=False, help_text="In 90 of 100 cases.")
    path = models.JSONField(default=list, editable=False)
    weights = models.JSONField(default=dict, editable=False, help_text="The share of each model.")
    words = models.TextField(blank=True, editable=False)
    own_errors = models.IntegerField(default=0, editable=False, help_text="Whole spans of own errors it rests on.")
    looked_back = models.IntegerField(default=0, editable=False, help_text="Days at which it was tried on the past.")
    wape = _share("Mean absolute error as a share of what came.")
    naive_wape = _share("Of the last week repeated.")
    crps_ratio = _share("Below 1 is better than the last week repeated.")
    coverage = _share("What came was from low to high; 0.8 is meant.")

    objects = ForecastQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "unit", "starts_on", "ends_on", "made_on"], name="forecast_once_a_day"
            ),
            models.CheckConstraint(
                name="forecast_or_reason",
                condition=Q(low=None, mid=None, high=None) & ~Q(reason="")
                | Q(low__lte=F("mid"), mid__lte=F("high"), reason=""),
            ),
        ]
        indexes = [models.Index(fields=["scope", "unit", "-made_on"], name="forecast_latest")]

    def __str__(self) -> str:
        return f"{self.scope} {self.unit} {self.starts_on} to {self.ends_on}"

    @property
    def is_of_period(self) -> bool:
        """Of the span that has begun, rather than of a month to come."""
        return self.starts_on <= self.made_on
