"""Admin pages of evaluation runs and data gaps, read-only."""

from __future__ import annotations

from django.contrib import admin

from governance.pages.admin.base import RecordAdmin
from governance.pages.admin.show import count_of, number_column
from policies.evaluation.models import DataGap, EvaluationRun
from policies.guardrails.admin import ReadOnlyAdmin


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
