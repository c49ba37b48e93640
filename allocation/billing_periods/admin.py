"""Closed months in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from allocation.billing_periods import operations
from allocation.billing_periods.models import BillingPeriod
from governance.pages.admin.base import DecidedAdmin, VisibleOrganisations, acting, taken_over


@admin.register(BillingPeriod)
class BillingPeriodAdmin(DecidedAdmin):
    """Adding a period closes the month that contains its start."""

    list_display = ("start", "end", "organisation", "closed_at", "closed_by", "reason")
    list_filter = (("organisation", VisibleOrganisations),)
    list_select_related = ("organisation",)
    ordering = ("-start", "organisation")
    fields = ("organisation", "start", "reason")

    def save_model(self, request: HttpRequest, obj: BillingPeriod, form: Any, change: bool) -> None:  # noqa: FBT001  # Django's
        del form, change
        taken_over(
            obj,
            operations.close_period(
                organisation=obj.organisation,
                month=obj.start,
                reason=obj.reason,
                actor=acting(request),
                at=timezone.now(),
            ),
        )
