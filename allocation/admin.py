from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import TabularInline

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
from governance.admin.base import RecordAdmin, VisibleScopes, acting
from governance.admin.show import NOTHING, count_of, money_of


class ReadOnlyAdmin(RecordAdmin):
    list_per_page = 50
    show_full_result_count = False


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
        "occurred_at", "scope", "model", money_of("cost"), count_of("requests"),
        count_of("input_tokens", label="input"), count_of("cached_input_tokens", label="cached input"),
        count_of("output_tokens", label="output"), "provider", "status", "price_source",
    )  # fmt: skip
    list_filter = ("status", UnpricedFilter, "service_tier", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    date_hierarchy = None
    ordering = ("-occurred_at", "-id")
    search_fields = ("=event_id", "=task_id", "=session_id", "=model")
    search_help_text = "Exact event id, task id, session id or model."

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> UsageRecord | None:
        """An event may have come with several times, each a record of the same id: the newest is shown."""
        del from_field
        try:
            found: UsageRecord | None = self.get_queryset(request).filter(pk=object_id).order_by("-occurred_at").first()
        except ValidationError:
            return None
        return found


class RollUpAdmin(ReadOnlyAdmin):
    list_display = (
        "bucket", "scope", "model", money_of("cost"), count_of("requests"), count_of("errors"),
        count_of("unpriced_requests", label="unpriced"), count_of("input_tokens", label="input"),
        count_of("cached_input_tokens", label="cached input"), count_of("output_tokens", label="output"), "provider",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), "provider")
    list_select_related = ("scope",)
    ordering = ("-bucket", "-id")


admin.site.register(UsageMinute, RollUpAdmin)
admin.site.register(UsageHour, RollUpAdmin)
admin.site.register(UsageDay, RollUpAdmin)


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(ReadOnlyAdmin):
    list_display = (
        "last_seen_at",
        "message",
        "what",
        "code",
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

    @admin.display(description="scope and model")
    def what(self, refused: QuarantinedUsage) -> str:
        payload = refused.payload or {}
        return " · ".join(str(payload[name]) for name in ("scope", "model") if payload.get(name)) or NOTHING

    @admin.action(description="Replay the selected records", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[QuarantinedUsage]) -> None:
        result = operations.replay_quarantined(
            ids=queryset.values_list("pk", flat=True), actor=acting(request), at=timezone.now()
        )
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
    list_filter = ("is_current", ("organisation", VisibleScopes))
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
