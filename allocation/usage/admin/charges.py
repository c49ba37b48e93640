"""Charge lines in the admin."""

from django.contrib import admin

from allocation.meters.documents import METERS, MILLION, PRICED_PER
from allocation.usage.admin.usage import NamesFilter, TierFilter
from allocation.usage.engine.charges import ADJUSTMENT
from allocation.usage.models import UsageCharge
from governance.charts.engine.numbers import NOTHING, exact_quantity
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import currency_of, money_of, number_column, quantity_of, scope_link


class MeterFilter(NamesFilter):
    title = "meter"
    parameter_name = "meter"
    names = (*METERS, ADJUSTMENT)


@admin.register(UsageCharge)
class UsageChargeAdmin(ReadOnlyAdmin):
    list_display = (
        "day", scope_link, "model", "meter", quantity_of("quantity"), "unit_price", money_of("effective_cost"),
        money_of("list_cost"), "service_tier", "activity", "price_source", "charge_class", "provider",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), MeterFilter, "activity", TierFilter, "charge_class")
    list_select_related = ("scope",)
    ordering = ("-day", "-id")

    @number_column
    @admin.display(description="contracted unit price", ordering="contracted_unit_price")
    def unit_price(self, charge: UsageCharge) -> str:
        price = charge.contracted_unit_price
        unit = "million" if PRICED_PER.get(charge.meter) == MILLION else charge.meter.replace("_", " ")
        return NOTHING if price is None else f"{exact_quantity(price)} {currency_of(charge)} per {unit}"
