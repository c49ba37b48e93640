"""Adjustment runs and adjustments in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from allocation.corrections import operations
from allocation.corrections.models import Adjustment, AdjustmentRun
from governance.pages.admin.base import DecidedAdmin, VisibleOrganisations, VisibleScopes, acting, taken_over
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of, scope_link


@admin.register(AdjustmentRun)
class AdjustmentRunAdmin(DecidedAdmin):
    """Adding a run prices recorded usage again."""

    list_display = (
        "made_at", "kind", "organisation", "since", "until", count_of("records"), money_of("cost"), "reason", "made_by",
        "finished_at",
    )  # fmt: skip
    list_filter = ("kind", ("organisation", VisibleOrganisations))
    list_select_related = ("organisation",)
    ordering = ("-made_at", "-id")
    fields = ("organisation", "since", "until", "reason")

    def save_model(self, request: HttpRequest, obj: AdjustmentRun, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        del form, change
        outcome = operations.rerate_usage(
            organisation=obj.organisation,
            since=obj.since,
            until=obj.until,
            reason=obj.reason,
            actor=acting(request),
            at=timezone.now(),
        )
        taken_over(obj, outcome.run)


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    list_display = (
        "made_at", "run", scope_link, "record_id", "record_occurred_at", "booked_at", money_of("cost"),
        count_of("requests"), "model", "price_source", "attribution",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), "run__kind")
    list_select_related = ("scope", "run")
    ordering = ("-made_at", "-id")
    search_fields = ("=record_id",)
    search_help_text = "Exact id of a usage record."
