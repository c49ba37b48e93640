from typing import Any

from allocation.admin.base import ReadOnlyAdmin
from governance.admin.base import VisibleScopes


class VersionedAdmin(ReadOnlyAdmin):
    list_display: tuple[Any, ...] = ("name", "version", "organisation", "is_current", "applied_at", "applied_by")
    list_filter: tuple[Any, ...] = ("is_current", ("organisation", VisibleScopes))
    list_select_related: tuple[str, ...] = ("organisation",)
    ordering = ("name", "-version")
    exclude = ("document",)
