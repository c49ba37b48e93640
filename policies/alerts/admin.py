"""The admin pages of alerts: read, and acknowledge with a reason."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display

from governance.pages.admin.base import RecordAdmin, acting
from governance.pages.admin.evidence import SEVERITY_LABEL, STATUS_LABEL, table
from governance.pages.admin.reasons import with_reason
from governance.pages.admin.show import scope_link
from policies.alerts import operations
from policies.alerts.models import Alert, AlertEvent
from policies.alerts.rules import may_acknowledge


class AlertEventInline(TabularInline):  # type: ignore[misc]  # Unfold has no types.
    model = AlertEvent
    fields = ("at", "kind", "step", "detail")
    readonly_fields = fields
    ordering = ("id",)
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "what happened"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    list_display = ("guardrail", scope_link, "status_label", "severity_label", "step", "opened_at", "reason")
    list_filter = ("status", "severity", "guardrail", "level")
    list_select_related = ("scope",)
    search_fields = ("guardrail", "scope__path", "reason")
    ordering = ("-opened_at",)
    fields = (
        scope_link, "guardrail", "version", "level_", "status_label", "severity_label", "step", "reason",
        "period_start", "period_end", "opened_at", "escalated_at", "last_notified_at", "acknowledged_at",
        "acknowledged_by", "resolved_at", "resolve_reason", "evidence_table",
    )  # fmt: skip
    readonly_fields = (scope_link, "level_", "status_label", "severity_label", "evidence_table")
    inlines = (AlertEventInline,)
    actions_detail = ("acknowledge",)

    @display(description="status", ordering="status", label=STATUS_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def status_label(self, alert: Alert) -> str:
        return alert.status

    @admin.display(description="enforcement level", ordering="level")
    def level_(self, alert: Alert) -> str:
        return alert.level.replace("_", " ")

    @display(description="severity", ordering="severity", label=SEVERITY_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def severity_label(self, alert: Alert) -> str:
        return alert.severity

    @admin.display(description="evidence")
    def evidence_table(self, alert: Alert) -> SafeString:
        return table(alert.evidence)

    def has_acknowledge_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        alert = self.rows_seen(request, object_id).select_related("scope").first()
        if alert is None:
            return object_id is None
        is_open = alert.status != Alert.Status.RESOLVED and alert.acknowledged_at is None
        return is_open and may_acknowledge(acting(request), alert.scope)

    @action(description="Acknowledge", permissions=["acknowledge"], url_path="acknowledge")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def acknowledge(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return with_reason(
            request,
            title="Acknowledge the alert",
            explanation="It is no longer repeated; a higher step still notifies.",
            done="Acknowledged.",
            back=reverse("admin:policies_alert_change", args=[object_id]),
            run=lambda reason: operations.acknowledge_alert(
                alert_id=object_id, actor=acting(request), reason=reason, at=timezone.now()
            ),
        )
