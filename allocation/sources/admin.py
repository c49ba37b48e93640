"""Declared senders in the admin."""

from __future__ import annotations

from django.contrib import admin

from allocation.sources.models import UsageSource
from governance.documents.admin import VersionedAdmin


@admin.register(UsageSource)
class UsageSourceAdmin(VersionedAdmin):
    list_display = (
        "name", "version", "organisation", "source", "weir_key", "ids_are_unique", "price", "is_current", "applied_at",
    )  # fmt: skip
    search_fields = ("=source", "=weir_key", "name")
    search_help_text = "The exact source or key prefix, or a part of the document's name."
