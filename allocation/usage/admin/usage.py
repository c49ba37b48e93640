"""Usage records, roll-ups and watermarks in the admin."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from unfold.contrib.filters.admin import TextFilter

from allocation.meters.documents import SERVICE_TIERS
from allocation.usage.importers.otlp.emitters import emitter_of_spans, unstated_by
from allocation.usage.importers.otlp.genai import SOURCE
from allocation.usage.models import (
    IngestWatermark,
    Status,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageRecord,
    UsageRecordQuerySet,
    UsageScopeDay,
)
from allocation.usage.queries import instrumentation_of, records_called
from governance.charts.engine.numbers import NOTHING
from governance.pages.admin.base import VisibleScopes
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of

# The part of a record page's address that states its instant.
OCCURRED = "occurred"


class UnpricedFilter(admin.SimpleListFilter):
    title = "price"
    parameter_name = "price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("unpriced", "unpriced"), ("partly", "partly unpriced"), ("priced", "priced")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        if self.value() == "unpriced":
            return queryset.filter(cost__isnull=True).exclude(status=Status.ERROR)
        if self.value() == "partly":
            return queryset.exclude(unpriced_meters=[])
        return queryset.filter(cost__isnull=False) if self.value() == "priced" else queryset


class NamesFilter(admin.SimpleListFilter):
    """The usual names of a column that senders may also fill with others; to list all would read every record."""

    names: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [*((name, name) for name in self.names), ("other", "any other")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        if self.value() is None:
            return queryset
        if self.value() == "other":
            return queryset.exclude(**{f"{self.parameter_name}__in": self.names})
        return queryset.filter(**{str(self.parameter_name): self.value()})


class TierFilter(NamesFilter):
    title = "service tier"
    parameter_name = "service_tier"
    names = SERVICE_TIERS


class StatusFilter(NamesFilter):
    title = "status"
    parameter_name = "status"
    names = tuple(Status.values)


class ProviderFilter(TextFilter):  # type: ignore[misc]  # Unfold has no types.
    """Exactly, typed: to offer every name would read every record."""

    title = "provider"
    parameter_name = "provider"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        name = (self.value() or "").strip()
        return queryset.filter(provider=name) if name else queryset


class MendedFilter(admin.SimpleListFilter):
    title = "mended"
    parameter_name = "is_mended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("yes", "mended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        return queryset.exclude(mended="") if self.value() == "yes" else queryset


class RecordList(ChangeList):
    """Links to records with their instant, by which they are found at once."""

    def url_for_result(self, result: Model) -> str:
        assert isinstance(result, UsageRecord)  # noqa: S101  # it lists nothing else
        return address_of(result.pk, result.occurred_at)


def address_of(record_id: UUID | str, occurred_at: datetime | None) -> str:
    """The address of a record's page."""
    page = reverse("admin:allocation_usagerecord_change", args=[record_id])
    return f"{page}?{urlencode({OCCURRED: occurred_at.isoformat()})}" if occurred_at else page


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    list_display = (
        "occurred_at", "scope", "model", money_of("cost"), count_of("requests"),
        count_of("input_tokens", label="input"), count_of("cached_input_tokens", label="cached input"),
        count_of("output_tokens", label="output"), "provider", "status", "price_source",
    )  # fmt: skip
    list_filter = (StatusFilter, UnpricedFilter, TierFilter, MendedFilter, ("scope", VisibleScopes))
    list_select_related = ("scope",)
    date_hierarchy = None
    ordering = ("-occurred_at", "-id")
    search_fields = ("event_id__exact", "task_id__exact", "session_id__exact", "model__exact")
    search_help_text = "Exact event id, task id, session id or model."
    readonly_fields = ("not_stated",)

    @admin.display(description="not stated")
    def not_stated(self, record: UsageRecord) -> str:
        """What the emitter of the record's span never tells, and what that does to the cost."""
        emitter = emitter_of_spans(instrumentation_of(record)) if record.source == SOURCE else None
        return (emitter and unstated_by(emitter)) or NOTHING

    def get_search_results(
        self, request: HttpRequest, queryset: UsageRecordQuerySet, search_term: str
    ) -> tuple[UsageRecordQuerySet, bool]:
        del request
        term = search_term.strip()
        return (records_called(queryset, term) if term else queryset), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        del request, kwargs
        return RecordList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> UsageRecord | None:
        """The record of that instant. Where the address states none, or another than the record's, the newest of this
        id: an event that was sent with several times has one record for each.
        """
        del from_field
        try:
            records = self.get_queryset(request).filter(pk=object_id)
            occurred_at = parse_datetime(request.GET.get(OCCURRED, ""))
            found: UsageRecord | None = None
            if occurred_at is not None and is_aware(occurred_at):
                found = records.filter(occurred_at=occurred_at).first()
            found = found or records.order_by("-occurred_at").first()
        except (ValidationError, ValueError):
            return None
        return found


class RollUpAdmin(ReadOnlyAdmin):
    list_display = (
        "bucket", "scope", "model", money_of("cost"), count_of("requests"), count_of("errors"),
        count_of("unpriced_requests", label="unpriced"),
        count_of("partly_unpriced_requests", label="partly unpriced"), count_of("input_tokens", label="input"),
        count_of("cached_input_tokens", label="cached input"), count_of("output_tokens", label="output"), "provider",
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes), ProviderFilter)
    list_select_related = ("scope",)
    ordering = ("-bucket", "-id")


admin.site.register(UsageDay, RollUpAdmin)


@admin.register(UsageMinute, UsageHour)
class FineRollUpAdmin(RollUpAdmin):
    """Says for how long they are kept, and where what is older stands."""

    list_before_template = "allocation/usage/kept.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        kept = {"kept_days": settings.USAGE_MINUTES_DAYS}
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **kept})
        return answer


@admin.register(UsageScopeDay)
class ScopeDayAdmin(ReadOnlyAdmin):
    list_display = (
        "bucket", "scope", "activity", money_of("cost"), count_of("requests"), count_of("errors"),
        count_of("unpriced_requests", label="unpriced"),
        count_of("partly_unpriced_requests", label="partly unpriced"), count_of("input_tokens", label="input"),
        count_of("cached_input_tokens", label="cached input"), count_of("output_tokens", label="output"),
    )  # fmt: skip
    list_filter = (("scope", VisibleScopes),)
    list_select_related = ("scope",)
    ordering = ("-bucket", "-id")


@admin.register(IngestWatermark)
class IngestWatermarkAdmin(ReadOnlyAdmin):
    list_display = ("scope", "last_received_at")
    list_select_related = ("scope",)
    ordering = ("scope",)
