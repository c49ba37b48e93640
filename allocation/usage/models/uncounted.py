"""What came over OTLP and does not count as usage."""

from __future__ import annotations

from django.db import models

from governance.scopes.models import Scope, ScopedQuerySet


class UncountedTelemetryQuerySet(ScopedQuerySet["UncountedTelemetry"]):
    path_field = "authority__path"


class UncountedTelemetry(models.Model):
    """Requests of one emitter of which nothing counted, for one reason. A few rows for each sender's subtree; further
    emitters share a row without a name.
    """

    class Signal(models.TextChoices):
        TRACES = "traces", "spans"
        LOGS = "logs", "log records"
        METRICS = "metrics", "metrics"

    class Reason(models.TextChoices):
        NO_MODEL_CALL = "no_model_call", "tells of no model call"
        TOLD_BY_EVENTS = "told_by_events", "repeats what its log events tell: send its logs"
        ORCHESTRATION = "orchestration", "agents and tools alone: nothing tells of their model calls"
        USAGE_NOT_STATED = "usage_not_stated", "model calls without tokens: recorded as unmeasured"
        METRIC = "metric", "sums up calls: send spans or log events"

    authority = models.ForeignKey(
        Scope, on_delete=models.PROTECT, null=True, related_name="+", help_text="The subtree the sender may write to."
    )
    signal = models.CharField(max_length=10, choices=Signal.choices)
    emitter = models.CharField(max_length=100, blank=True, help_text="The instrumentation, else the service.")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    items_count = models.BigIntegerField(help_text="Spans, log records or metrics.")
    requests_count = models.BigIntegerField()
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()

    objects = UncountedTelemetryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "uncounted telemetry"
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "signal", "emitter", "reason"],
                name="uncounted_telemetry_is_summed_up",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.items_count:,} {self.get_signal_display()} of {self.emitter}"
