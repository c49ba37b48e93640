"""Outcomes and their days in the admin."""

from typing import Any

from django.contrib import admin

from allocation.outcomes.models import Outcome, OutcomeDay
from governance.charts.engine.numbers import NOTHING
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of, number_column


@admin.register(Outcome)
class OutcomeAdmin(ReadOnlyAdmin):
    list_display = (
        "occurred_at", "scope", "kind", "name", count_of("quantity"), "is_success", money_of("value"), "quality_score",
        "flags", "source",
    )  # fmt: skip
    list_filter = ("kind", "is_success", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    ordering = ("-occurred_at", "-id")
    search_fields = ("event_id__exact", "name__exact", "source__exact")
    search_help_text = "Exact event id, name or source."

    @admin.display(description="safety flags")
    def flags(self, outcome: Outcome) -> str:
        return ", ".join(outcome.safety_flags) or NOTHING


@admin.register(OutcomeDay)
class OutcomeDayAdmin(ReadOnlyAdmin):
    list_display = (
        "day", "scope", "kind", "name", count_of("count"), count_of("successful"), count_of("flagged"),
        money_of("value"), "quality",
    )  # fmt: skip
    list_filter = ("kind", "name", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    ordering = ("-day", "-id")

    @number_column
    @admin.display(description="mean quality")
    def quality(self, sums: Any) -> str:
        return f"{sums.quality_sum / sums.quality_count:.3f}" if sums.quality_count else NOTHING
