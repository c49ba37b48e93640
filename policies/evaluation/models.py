"""Runs of the evaluation, and the times in which guardrails could not be evaluated."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.scopes.models import Scope, ScopedQuerySet


class EvaluationRun(models.Model):
    """The evaluation of a claim of dirty scopes, or a sweep: its duration, counts and errors. That of scopes whose
    budget a charge brought to a line is here when steps started or ended.
    """

    class Cause(models.TextChoices):
        DIRTY = "dirty"
        CROSSING = "crossing"
        SWEEP = "sweep"

    cause = models.CharField(max_length=10, choices=Cause.choices)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    scopes_count = models.PositiveIntegerField(default=0)
    guardrails_count = models.PositiveIntegerField(default=0)
    evaluations_count = models.PositiveIntegerField(default=0)
    transitions_count = models.PositiveIntegerField(default=0)
    no_data_count = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-started_at"], name="evaluation_run_newest")]

    def __str__(self) -> str:
        return f"{self.cause} {self.started_at:%Y-%m-%d %H:%M:%S}"


class DataGapQuerySet(ScopedQuerySet["DataGap"]):
    """Narrowed by the path of the organisation."""

    path_field = "organisation__path"


class DataGap(models.Model):
    """A time in which guardrails of an organisation could not be evaluated: from the first hold to a sweep without one.

    One row per organisation and cause, however many guardrails and scopes are held. Its owners are told of it once, and
    again after a day of it.
    """

    class Cause(models.TextChoices):
        NO_DATA = "no_data"
        ERROR = "error"

    organisation = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    guardrails = models.JSONField(default=list)
    scopes_count = models.PositiveIntegerField()
    reason = models.TextField()
    told_versions = models.JSONField(default=dict, editable=False, help_text="By the name of each guardrail held.")
    told_at = models.DateTimeField(null=True, editable=False)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DataGapQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organisation", "cause"],
                condition=Q(ended_at=None),
                name="data_gap_is_open_once_per_organisation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cause} since {self.opened_at:%Y-%m-%d %H:%M}"
