"""Admin pages of evaluation runs and data gaps, read-only."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from allocation.coverage.queries import mended_fields
from allocation.usage.models import UncountedTelemetry
from allocation.usage.queries import uncounted_telemetry, unmeasured_calls
from governance.charts.engine.numbers import count
from governance.pages.admin.base import RecordAdmin, acting
from governance.pages.admin.show import count_of, number_column
from policies.evaluation.models import DataGap, EvaluationRun
from policies.guardrails.admin import ReadOnlyAdmin

SHOWN_DAYS = 30
MENDED_SHOWN = 50
# A sender's clock may run ahead.
CLOCK_AHEAD = timedelta(minutes=5)


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at", "cause", "seconds", "scopes_count", "guardrails_count", count_of("evaluations_count"),
        "transitions_count", "no_data_count", "errors",
    )  # fmt: skip
    list_filter = ("cause",)
    ordering = ("-started_at",)
    show_full_result_count = False

    @number_column
    @admin.display(description="seconds")
    def seconds(self, run: EvaluationRun) -> str:
        return f"{(run.finished_at - run.started_at).total_seconds():.3f}" if run.finished_at else ""


@admin.register(DataGap)
class DataGapAdmin(RecordAdmin):
    list_display = ("organisation", "cause", "scopes_count", "opened_at", "ended_at", "reason")
    list_filter = ("cause",)
    ordering = ("-opened_at",)
    nothing_here = "No gap: every guardrail was evaluated."
    list_before_template = "policies/evaluation/not_counted.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The gaps in which guardrails were not evaluated, below what came in and cannot be counted."""
        actor, since = acting(request), timezone.now() - timedelta(days=SHOWN_DAYS)
        not_counted = {
            "days": SHOWN_DAYS,
            "uncounted": [_uncounted(row) for row in uncounted_telemetry(actor=actor, since=since)],
            "unmeasured": [
                {**asdict(calls), "calls": count(calls.calls)} for calls in unmeasured_calls(actor=actor, since=since)
            ],
            "mended": mended_fields(actor=actor, since=since, until=timezone.now() + CLOCK_AHEAD)[:MENDED_SHOWN],
        }
        answer: HttpResponse = super().changelist_view(request, {**not_counted, **(extra_context or {})})
        return answer


def _uncounted(row: UncountedTelemetry) -> dict[str, object]:
    """The cells of a table row."""
    return {
        "scope": row.authority.path if row.authority else "every organisation",
        "emitter": row.emitter or "several",
        "signal": row.get_signal_display(),
        "items": count(row.items_count),
        "requests": count(row.requests_count),
        "reason": row.get_reason_display(),
        "last_received_at": row.last_received_at,
    }
