"""Price books, prices and exchange rates in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from allocation.prices.models import ExchangeRate, Price, PriceBook
from governance.charts.engine.numbers import exact_quantity
from governance.documents.admin import VersionedAdmin
from governance.pages.admin.base import VisibleOrganisations
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import number_column


@admin.register(PriceBook)
class PriceBookAdmin(VersionedAdmin):
    """A book may have thousands of prices, so they are listed on a page of their own."""

    list_display = (
        "name", "version", "organisation", "contract", "basis", "currency", "stated", "is_current", "applied_at",
        "applied_by",
    )  # fmt: skip
    readonly_fields = ("stated",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceBook]:
        books: QuerySet[PriceBook] = super().get_queryset(request).annotate(prices_count=Count("prices"))
        return books

    @admin.display(description="prices", ordering="prices_count")
    def stated(self, book: Any) -> str:
        address = f"{reverse('admin:allocation_price_changelist')}?book__id__exact={book.pk}"
        return format_html('<a href="{}" class="text-primary-600">{}</a>', address, f"{book.prices_count:,}")


class CurrentBookFilter(admin.SimpleListFilter):
    title = "book"
    parameter_name = "former"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("1", "former versions too")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() == "1" or "book__id__exact" in request.GET
        return queryset if chosen else queryset.filter(book__is_current=True)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    list_display = (
        "model", "provider", "service_tier", "above_input_tokens", "meter", "paid", "published", "currency",
        "effective_from", "effective_to", "hours", "region", "book",
    )  # fmt: skip
    list_filter = (CurrentBookFilter, "meter", "service_tier", ("book__organisation", VisibleOrganisations))
    list_select_related = ("book",)
    search_fields = ("model", "=provider", "=book__name")
    search_help_text = "Part of a model's name, or exactly a provider or a book."
    ordering = ("provider", "model", "service_tier", "above_input_tokens", "position", "meter")
    exclude = ("unit_price", "list_unit_price")
    readonly_fields = ("paid", "published", "currency")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "book__id__exact" or super().lookup_allowed(lookup, value, request)

    @number_column
    @admin.display(description="paid", ordering="unit_price")
    def paid(self, price: Price) -> str:
        return exact_quantity(price.unit_price)

    @number_column
    @admin.display(description="list price", ordering="list_unit_price")
    def published(self, price: Price) -> str:
        return exact_quantity(price.list_unit_price)

    @admin.display(ordering="book__currency")
    def currency(self, price: Price) -> str:
        return price.book.currency


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ReadOnlyAdmin):
    list_display = (
        "effective_from", "from_currency", "to_currency", "worth", "organisation", "source", "recorded_at",
        "recorded_by",
    )  # fmt: skip
    list_filter = ("from_currency", "to_currency", ("organisation", VisibleOrganisations))
    list_select_related = ("organisation",)
    ordering = ("-effective_from", "-id")
    exclude = ("rate",)
    readonly_fields = ("worth",)

    @number_column
    @admin.display(description="rate", ordering="rate")
    def worth(self, rate: ExchangeRate) -> str:
        return exact_quantity(rate.rate)
