"""Import runs in the admin."""

from django.contrib import admin

from allocation.usage.models import ImportRun
from governance.pages.admin.lists import ReadOnlyAdmin


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = (
        "started_at", "file_name", "source_format", "status", "records_done", "accepted", "duplicate", "rejected",
        "passed_over", "counted", "unpriced", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "source_format")
    ordering = ("-started_at",)
