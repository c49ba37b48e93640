"""Charge lines in the admin."""

from django.contrib import admin

from allocation.usage.models import UsageCharge
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of, scope_link


@admin.register(UsageCharge)
class UsageChargeAdmin(ReadOnlyAdmin):
    list_display = (
        "day", scope_link, "model", "meter", count_of("quantity"), "contracted_unit_price", money_of("effective_cost"),
        money_of("list_cost"), "service_tier", "activity", "price_source", "charge_class", "provider",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), "meter", "activity", "service_tier", "charge_class")
    list_select_related = ("scope",)
    ordering = ("-day", "-id")
