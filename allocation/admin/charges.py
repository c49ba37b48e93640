from django.contrib import admin

from allocation.admin.base import ReadOnlyAdmin
from allocation.models import Adjustment, AdjustmentRun, BillingPeriod, UsageCharge
from governance.admin.base import VisibleScopes
from governance.admin.show import count_of, money_of, scope_link


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
class AdjustmentRunAdmin(ReadOnlyAdmin):
    list_display = (
        "made_at", "kind", "organisation", "since", "until", count_of("records"), money_of("cost"), "reason", "made_by",
        "finished_at",
    )  # fmt: skip
    list_filter = ("kind", ("organisation", VisibleScopes))
    list_select_related = ("organisation",)
    ordering = ("-made_at", "-id")


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
class BillingPeriodAdmin(ReadOnlyAdmin):
    list_display = ("start", "end", "organisation", "closed_at", "closed_by", "reason")
    list_filter = (("organisation", VisibleScopes),)
    list_select_related = ("organisation",)
    ordering = ("-start", "organisation")
