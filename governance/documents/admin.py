"""The list of versions of a kind of document."""

from typing import Any

from governance.pages.admin.base import VisibleOrganisations
from governance.pages.admin.lists import ReadOnlyAdmin


class VersionedAdmin(ReadOnlyAdmin):
    """Read-only: versions are made by applying documents."""

    list_display: tuple[Any, ...] = ("name", "version", "organisation", "is_current", "applied_at", "applied_by")
    list_filter: tuple[Any, ...] = ("is_current", ("organisation", VisibleOrganisations))
    list_select_related: tuple[str, ...] = ("organisation",)
    ordering = ("name", "-version")
    exclude = ("document",)
