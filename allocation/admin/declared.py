from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from allocation.admin.base import ReadOnlyAdmin
from allocation.models import Price, PriceBook
from governance.admin.base import VisibleScopes


class PriceInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = Price
    extra = 0
    can_delete = False
    fields = (
        "provider", "model", "service_tier", "meter", "above_input_tokens", "unit_price", "effective_from",
        "effective_to",
    )  # fmt: skip
    readonly_fields = fields
    ordering = ("position", "meter")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        del request, obj
        return False


class VersionedAdmin(ReadOnlyAdmin):
    list_display: tuple[Any, ...] = ("name", "version", "organisation", "is_current", "applied_at", "applied_by")
    list_filter: tuple[Any, ...] = ("is_current", ("organisation", VisibleScopes))
    list_select_related: tuple[str, ...] = ("organisation",)
    ordering = ("name", "-version")
    exclude = ("document",)


@admin.register(PriceBook)
class PriceBookAdmin(VersionedAdmin):
    inlines = (PriceInline,)
