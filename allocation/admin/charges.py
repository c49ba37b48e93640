from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from allocation import operations
from allocation.admin.base import ReadOnlyAdmin
from allocation.models import Adjustment, AdjustmentRun, BillingPeriod, UsageCharge
from governance.admin.base import OperatedAdmin, VisibleScopes, acting
from governance.admin.show import count_of, money_of, scope_link


class DecidedAdmin(OperatedAdmin):
    """A decision is made by adding a row, through its operation, and then stands."""

    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "organisation" and field.queryset is not None:
            field.queryset = field.queryset.filter(parent__isnull=True)
        return field


def taken_over(shown: Any, made: Any) -> None:
    """What the operation made is what Django's form has made."""
    shown.__dict__.update(made.__dict__)


@admin.register(UsageCharge)
class UsageChargeAdmin(ReadOnlyAdmin):
    list_display = (
        "day", scope_link, "model", "meter", count_of("quantity"), "contracted_unit_price", money_of("effective_cost"),
        money_of("list_cost"), "service_tier", "activity", "price_source", "charge_class", "provider",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), "meter", "activity", "service_tier", "charge_class")
    list_select_related = ("scope",)
    ordering = ("-day", "-id")


@admin.register(AdjustmentRun)
class AdjustmentRunAdmin(DecidedAdmin):
    """Adding one prices recorded usage again."""

    list_display = (
        "made_at", "kind", "organisation", "since", "until", count_of("records"), money_of("cost"), "reason", "made_by",
        "finished_at",
    )  # fmt: skip
    list_filter = ("kind", ("organisation", VisibleScopes))
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


@admin.register(BillingPeriod)
class BillingPeriodAdmin(DecidedAdmin):
    """Adding one closes the month in which its start lies."""

    list_display = ("start", "end", "organisation", "closed_at", "closed_by", "reason")
    list_filter = (("organisation", VisibleScopes),)
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
