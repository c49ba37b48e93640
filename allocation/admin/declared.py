from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from allocation.admin.base import ReadOnlyAdmin
from allocation.models import AttributionRule, AttributionRuleSet
from governance.admin.base import VisibleScopes


class RuleInline(TabularInline):  # type: ignore[misc]  # unfold has no types
    model = AttributionRule
    extra = 0
    can_delete = False
    fields = ("position", "name", "when", "scope", "effective_from", "effective_to")
    readonly_fields = fields
    ordering = ("position",)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        del request, obj
        return False


class VersionedAdmin(ReadOnlyAdmin):
    list_display: tuple[str, ...] = ("name", "version", "organisation", "is_current", "applied_at", "applied_by")
    list_filter = ("is_current", ("organisation", VisibleScopes))
    list_select_related = ("organisation",)
    ordering = ("name", "-version")
    exclude = ("document",)


@admin.register(AttributionRuleSet)
class AttributionRuleSetAdmin(VersionedAdmin):
    inlines = (RuleInline,)
