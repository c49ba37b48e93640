"""The admin's first page."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from governance.pages.admin.base import acting
from reporting.overview.queries import dashboard
from reporting.overview.queries.inbox import inbox

admin.site.index_template = "reporting/dashboard.html"
admin.site.index_title = "Overview"


def with_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds what waits for the signed-in user and their dashboard to the context, and for
    whoever sees the whole installation what fails in it for some.
    """
    actor, at = acting(request), timezone.now()
    faults = import_string(settings.OVERVIEW_FAULTS)() if actor.sees_everything else []
    return {**context, "inbox": inbox(actor, at=at), "weir": dashboard(actor=actor, at=at), "faults": faults}
