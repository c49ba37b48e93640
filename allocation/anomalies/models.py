"""Anomalies: consecutive days of a series far above expectation, with people's feedback."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import F, Q

from allocation.anomalies.engine.anomalies import DAYS_JUDGED
from governance.calendar.engine import DAY, midnight
from governance.scopes.models import Scope, ScopedQuerySet


class Metric(models.TextChoices):
    """What a series counts; cost is in the scope's currency."""

    COST = "cost"
    TOKENS = "tokens"


class Feedback(models.TextChoices):
    """Whether it was an anomaly, in the judgement of a person."""

    YES = "yes", "yes, an anomaly"
    NO = "no", "no, a false alarm"
    PLANNED = "planned", "planned"
    ACCEPTED = "accepted", "accepted as the new usual"


# Feedback after which the same day of the next month is no surprise.
FORESEEN = frozenset({Feedback.NO, Feedback.PLANNED, Feedback.ACCEPTED})


class AnomalyQuerySet(ScopedQuerySet["Anomaly"]):
    def open(self) -> Self:
        return self.filter(status=Anomaly.Status.OPEN)


class Anomaly(models.Model):
    """Consecutive days on which a scope's own use of a model was far above expectation; with provider and model empty,
    of all its models together. Amounts are in the metric's unit.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, db_index=False, related_name="+")
    provider = models.CharField(max_length=128, blank=True)
    model = models.CharField(max_length=128, blank=True)
    metric = models.CharField(max_length=10, choices=Metric.choices)
    first_day = models.DateField()
    last_day = models.DateField()
    days_count = models.PositiveIntegerField(help_text="Days that were anomalous; days without data are none.")
    expected = models.DecimalField(max_digits=30, decimal_places=9, help_text="Of those days, in the metric's unit.")
    observed = models.DecimalField(max_digits=30, decimal_places=9)
    excess_cost = models.DecimalField(
        max_digits=30, decimal_places=9, help_text="Observed less expected cost; 0 where tokens were the metric."
    )
    score = models.DecimalField(max_digits=12, decimal_places=2, help_text="Robust deviations, of the worst day.")
    reason = models.CharField(max_length=500)
    method = models.CharField(max_length=40)
    detected_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    closed_at = models.DateTimeField(null=True, blank=True)
    feedback = models.CharField(max_length=10, choices=Feedback.choices, blank=True)
    feedback_reason = models.CharField(max_length=2000, blank=True)
    feedback_by = models.CharField(max_length=300, blank=True)
    feedback_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(
        null=True, blank=True, help_text="When feedback ended a rise that lasted: its level is usual from then on."
    )

    objects = AnomalyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "anomalies"
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "provider", "model", "metric"],
                condition=Q(status="open"),
                name="anomaly_is_open_once_per_scope_model_and_metric",
            ),
            models.UniqueConstraint(
                fields=["scope", "provider", "model", "metric", "first_day"], name="anomaly_begins_once_a_day"
            ),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="anomaly_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True) | Q(status="closed", closed_at__isnull=False),
                name="anomaly_closed_says_when",
            ),
            models.CheckConstraint(
                condition=Q(feedback="", feedback_reason="", feedback_by="", feedback_at__isnull=True)
                | (~Q(feedback="") & ~Q(feedback_reason="") & ~Q(feedback_by="") & Q(feedback_at__isnull=False)),
                name="anomaly_feedback_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | (Q(status="closed") & ~Q(feedback="")),
                name="anomaly_accepted_is_closed_with_feedback",
            ),
            models.CheckConstraint(
                condition=Q(metric="cost") | Q(excess_cost=0), name="anomaly_only_of_cost_costs_something"
            ),
        ]
        indexes = [
            # Read by the list of API and admin, newest first.
            models.Index(fields=["-first_day", "-id"], name="anomaly_newest"),
            # Read by detection: the known anomalies of a series.
            models.Index(fields=["scope", "last_day"], name="anomaly_of_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.series_name} of {self.scope}, {self.first_day}"

    @property
    def series_name(self) -> str:
        """Such as `cost of gpt-4o`."""
        return f"{self.metric} of {self.model}" if self.model else f"{self.metric} of all models"

    @property
    def first_day_ended_at(self) -> datetime:
        """The earliest instant at which the anomaly could have been detected."""
        return midnight(self.first_day + DAY)

    @property
    def time_to_detect(self) -> timedelta:
        return self.detected_at - self.first_day_ended_at

    @property
    def was_looked_back_for(self) -> bool:
        """Whether it is older than what a scheduled run judges: how soon it was detected tells nothing."""
        return self.detected_at - self.first_day_ended_at > DAY * DAYS_JUDGED

    @property
    def duration_days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    @property
    def excess(self) -> Decimal:
        """Observed less expected, in the metric's unit."""
        return self.observed - self.expected
