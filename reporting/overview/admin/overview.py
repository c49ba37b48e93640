"""The admin's first page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from governance.pages.admin.base import acting
from reporting.overview.queries import dashboard

admin.site.index_template = "reporting/dashboard.html"
admin.site.index_title = "Overview"


def with_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds the dashboard of the signed-in user to the context."""
    return {**context, "weir": dashboard(actor=acting(request), at=timezone.now())}
