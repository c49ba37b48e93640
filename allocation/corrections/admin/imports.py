"""Import runs in the admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from allocation.corrections.admin.withdrawals import WithdrawableAdmin
from allocation.corrections.operations import withdraw_import
from allocation.usage.models import ImportRun
from governance.pages.admin.base import VisibleScopes, acting


@admin.register(ImportRun)
class ImportRunAdmin(WithdrawableAdmin):
    list_per_page = 50
    show_full_result_count = False
    list_display = (
        "started_at", "file_name", "source_format", "scope", "status", "records_done", "accepted", "duplicate",
        "rejected", "passed_over", "counted", "unpriced", "finished_at", "withdrawn_at",
    )  # fmt: skip
    list_filter = ("status", "source_format", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    exclude = ("stated",)
    ordering = ("-started_at",)

    def withdraw(self, request: HttpRequest, import_id: int, reason: str) -> ImportRun:
        return withdraw_import(import_id=import_id, reason=reason, actor=acting(request), at=timezone.now())
