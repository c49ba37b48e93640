"""Declared splits of shared cost in the admin."""

from __future__ import annotations

from django.contrib import admin

from allocation.commitments.admin import DocumentAdmin
from allocation.shared_cost.models import SharedCostSplit
from governance.pages.admin.base import VisibleOrganisations


@admin.register(SharedCostSplit)
class SharedCostSplitAdmin(DocumentAdmin):
    fields = (
        ("name", "version", "is_current"), ("origin", "pool_source", "method"), ("effective_from", "effective_to"),
        "terms", ("applied_at", "applied_by"), "digest",
    )  # fmt: skip
    list_display = (
        "name", "version", "origin", "pool_source", "method", "effective_from", "effective_to", "is_current",
        "applied_at", "applied_by",
    )  # fmt: skip
    list_filter = ("is_current", "method", ("organisation", VisibleOrganisations))
    list_select_related = ("organisation", "origin")
