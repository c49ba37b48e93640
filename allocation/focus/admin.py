"""FOCUS imports and their rows in the admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from allocation.corrections.admin.withdrawals import WithdrawableAdmin
from allocation.focus.models import FocusImport, FocusRow
from allocation.focus.operations import withdraw_focus_import
from allocation.usage.admin.usage import address_of
from governance.charts.engine.numbers import NOTHING
from governance.pages.admin.base import VisibleScopes, acting
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.show import count_of, money_of


@admin.register(FocusImport)
class FocusImportAdmin(WithdrawableAdmin):
    list_per_page = 50
    show_full_result_count = False
    list_display = (
        "started_at", "file_name", "version", "scope", "status", count_of("rows_done", label="rows"),
        count_of("charges"), count_of("used", label="counted as usage"), count_of("repeats"), "to_quarantined",
        "finished_at", "replaced_by", "withdrawn_at",
    )  # fmt: skip
    list_filter = ("status", "version", "file_format", ("scope", VisibleScopes))
    list_select_related = ("scope", "replaced_by")
    ordering = ("-started_at",)
    exclude = ("column_types",)
    readonly_fields = ("to_rows",)

    def withdraw(self, request: HttpRequest, import_id: int, reason: str) -> FocusImport:
        return withdraw_focus_import(import_id=import_id, reason=reason, actor=acting(request), at=timezone.now())

    @admin.display(description="quarantined")
    def to_quarantined(self, run: FocusImport) -> str | SafeString:
        return rows_link(run, str(run.quarantined), status="quarantined") if run.quarantined else "0"

    @admin.display(description="rows")
    def to_rows(self, run: FocusImport) -> SafeString:
        return rows_link(run, f"All {run.rows_done} rows")


def rows_link(run: FocusImport, text: str, status: str = "") -> SafeString:
    narrowed = f"&status__exact={status}" if status else ""
    page = reverse("admin:allocation_focusrow_changelist")
    return format_html('<a href="{}?source__id__exact={}{}">{}</a>', page, run.pk, narrowed, text)


@admin.register(FocusRow)
class FocusRowAdmin(ReadOnlyAdmin):
    list_display = (
        "charge_period_start", "scope", "service_name", "charge_category", money_of("billed_cost"),
        money_of("effective_cost"), "currency", "status", "code", "source", "row_number",
    )  # fmt: skip
    list_filter = ("status", "charge_category", "code", ("scope", VisibleScopes))
    list_select_related = ("scope", "source")
    ordering = ("-id",)
    search_fields = ("=sku_id", "=service_name", "=sub_account")
    search_help_text = "Exact SKU, service or sub account."
    exclude = ("cells", "digest", "occurrence")
    readonly_fields = ("as_it_stood", "usage")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "source__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="as it stood")
    def as_it_stood(self, row: FocusRow) -> SafeString:
        cells = zip(row.source.columns, row.cells, strict=False)
        given = [(name, cell) for name, cell in cells if cell is not None]
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", given))

    @admin.display(description="usage record")
    def usage(self, row: FocusRow) -> str | SafeString:
        if row.usage_record_id is None:
            return NOTHING
        page = address_of(row.usage_record_id, row.charge_period_start)
        return format_html('<a href="{}">{}</a>', page, row.usage_record_id)
