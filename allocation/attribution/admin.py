"""Attribution rules and keys in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from allocation.attribution.models import AttributionKey, AttributionRule
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin


class RuleInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = AttributionRule
    extra = 0
    can_delete = False
    fields = ("position", "name", "when", "condition", "scope", "effective_from", "effective_to")
    readonly_fields = fields
    ordering = ("position",)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        del request, obj
        return False


@admin.register(AttributionKey)
class AttributionKeyAdmin(ReadOnlyAdmin):
    list_display = ("rule_set", "kind", "value", "name", "scope", "effective_from", "effective_to")
    list_filter = ("kind", ("scope", VisibleScopes), "rule_set__is_current")
    list_select_related = ("rule_set", "scope")
    search_fields = ("=value", "name")
    search_help_text = "The exact hash, alias or id of a key, or a part of its name."
    ordering = ("rule_set", "position")
