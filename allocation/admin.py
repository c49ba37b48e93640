from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from allocation import operations
from allocation.models import (
    AttributionRule,
    AttributionRuleSet,
    ImportRun,
    IngestWatermark,
    Price,
    PriceBook,
    QuarantinedUsage,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageRecord,
)
from governance.models import User
from governance.rules import Actor


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The truth is a record: looked at, never edited."""

    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        visible: QuerySet[Any] = (
            rows.visible_to(Actor.of_user(request.user))
            if isinstance(request.user, User) and hasattr(rows, "visible_to")
            else rows
        )
        return visible

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        del request, obj
        return False


class UnpricedFilter(admin.SimpleListFilter):
    title = "price"
    parameter_name = "price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("unpriced", "unpriced"), ("priced", "priced")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        if self.value() == "unpriced":
            return queryset.filter(cost__isnull=True, status="success")
        return queryset.filter(cost__isnull=False) if self.value() == "priced" else queryset


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "occurred_at", "scope", "provider", "model", "status", "input_tokens", "output_tokens", "cost", "price_source",
    )  # fmt: skip
    list_filter = ("status", UnpricedFilter, "service_tier", "scope")
    list_select_related = ("scope",)
    date_hierarchy = None
    ordering = ("-occurred_at", "-id")
    search_fields = ("=event_id", "=task_id", "=session_id", "=model")
    search_help_text = "Exact event id, task id, session id or model."


class RollUpAdmin(ReadOnlyAdmin):
    list_display = (
        "bucket", "scope", "provider", "model", "requests", "errors", "unpriced_requests", "input_tokens",
        "cached_input_tokens", "output_tokens", "cost",
    )  # fmt: skip
    list_filter = ("scope", "provider")
    list_select_related = ("scope",)
    ordering = ("-bucket", "-id")


admin.site.register(UsageMinute, RollUpAdmin)
admin.site.register(UsageHour, RollUpAdmin)
admin.site.register(UsageDay, RollUpAdmin)


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(ReadOnlyAdmin):
    list_display = (
        "last_seen_at",
        "code",
        "field",
        "message",
        "source_format",
        "seen_count",
        "authority",
        "replayed_at",
    )
    list_filter = ("code", "source_format", ("replayed_at", admin.EmptyFieldListFilter))
    list_select_related = ("authority",)
    ordering = ("-last_seen_at", "-id")
    actions = ["replay"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("allocation.change_quarantinedusage")

    @admin.action(description="Replay the selected records", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[QuarantinedUsage]) -> None:
        result = operations.replay_quarantined(ids=queryset.values_list("pk", flat=True), at=timezone.now())
        remaining = ", ".join(f"{count} {code}" for code, count in sorted(result.remaining.items())) or "none"
        self.message_user(
            request,
            f"{result.accepted} accepted, {result.duplicate} there already, refused again: {remaining}.",
            messages.WARNING if result.remaining else messages.SUCCESS,
        )


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


class RuleInline(TabularInline):  # type: ignore[misc]  # as above
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
    list_display = ("name", "version", "organisation", "is_current", "applied_at", "applied_by")
    list_filter = ("is_current", "organisation")
    list_select_related = ("organisation",)
    ordering = ("name", "-version")
    exclude = ("document",)


@admin.register(PriceBook)
class PriceBookAdmin(VersionedAdmin):
    inlines = (PriceInline,)


@admin.register(AttributionRuleSet)
class AttributionRuleSetAdmin(VersionedAdmin):
    inlines = (RuleInline,)


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at", "file_name", "source_format", "status", "records_done", "accepted", "duplicate", "rejected",
        "finished_at",
    )  # fmt: skip
    list_filter = ("status", "source_format")
    ordering = ("-started_at",)


@admin.register(IngestWatermark)
class IngestWatermarkAdmin(ReadOnlyAdmin):
    list_display = ("scope", "last_received_at")
    list_select_related = ("scope",)
    ordering = ("scope",)
