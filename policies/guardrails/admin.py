"""The list of guardrail versions, each with its text and its tests."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from governance.charts.engine.numbers import NOTHING
from governance.pages.admin.base import RecordAdmin
from governance.pages.admin.evidence import table
from governance.pages.admin.show import file_name
from policies.guardrails.models import GuardrailVersion


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold has no types.
    """For records of the whole installation, which have no scope to be seen by."""

    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False


@admin.register(GuardrailVersion)
class GuardrailVersionAdmin(RecordAdmin):
    list_display = ("name", "number", "is_active", "level_", "tests", "applied_at", "applied_by", "source_file")
    list_filter = ("is_active", "level")
    search_fields = ("name", "text")
    ordering = ("-is_active", "name", "-number")
    fields = (
        "name", "number", "is_active", "level_", "source", "digest", "applied_at", "applied_by", "retired_at",
        "retired_by", "retire_reason", "test_table", "yaml",
    )  # fmt: skip
    readonly_fields = ("level_", "test_table", "yaml")

    @admin.display(description="enforcement level", ordering="level")
    def level_(self, version: GuardrailVersion) -> str:
        return version.level.replace("_", " ")

    @admin.display(description="source", ordering="source")
    def source_file(self, version: GuardrailVersion) -> str:
        return file_name(version.source)

    @admin.display
    def tests(self, version: GuardrailVersion) -> str:
        passed = sum(bool(result["passed"]) for result in version.test_results)
        return f"{passed} of {len(version.test_results)} passed" if version.test_results else NOTHING

    @admin.display(description="test results")
    def test_table(self, version: GuardrailVersion) -> SafeString:
        return table({result["name"]: "passed" if result["passed"] else "failed" for result in version.test_results})

    @admin.display(description="document")
    def yaml(self, version: GuardrailVersion) -> SafeString:
        return format_html(
            '<pre style="white-space:pre-wrap;font:.8125rem/1.5 ui-monospace,monospace">{}</pre>',
            version.text,
        )
