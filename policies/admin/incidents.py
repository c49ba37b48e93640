from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display

from governance.admin.base import RecordAdmin, acting
from governance.admin.show import scope_link
from policies import operations
from policies.admin.show import SEVERITY_LABEL, STATUS_LABEL, table, with_reason
from policies.models import Alert, AlertEvent, Constraint
from policies.rules import may_acknowledge, may_release_constraint


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
        alert = self.get_queryset(request).filter(pk=object_id).select_related("scope").first()
        if alert is None:
            return object_id is None
        is_open = alert.status != Alert.Status.RESOLVED and alert.acknowledged_at is None
        return is_open and may_acknowledge(acting(request), alert.scope)

    @action(description="Acknowledge", permissions=["acknowledge"], url_path="acknowledge")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def acknowledge(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return with_reason(
            request,
            title="Acknowledge the alert",
            say="It is no longer repeated; a higher step is still told of.",
            done="Acknowledged.",
            back=("admin:policies_alert_change", object_id),
            run=lambda reason: operations.acknowledge_alert(
                alert_id=object_id, by=acting(request), reason=reason, at=timezone.now()
            ),
        )


@admin.register(Constraint)
class ConstraintAdmin(RecordAdmin):
    list_display = (
        "guardrail",
        scope_link,
        "step",
        "status_label",
        "action",
        "models_shown",
        "starts_at",
        "expires_at",
        "reason",
    )
    list_filter = ("status", "guardrail")
    list_select_related = ("scope",)
    search_fields = ("guardrail", "scope__path", "reason")
    ordering = ("-starts_at",)
    fields = (
        scope_link, "guardrail", "version", "step", "action", "models_shown", "status_label", "owner", "reason",
        "starts_at", "min_hold_until", "expires_at", "released_at", "released_by", "release_reason", "alert",
        "evidence_table",
    )  # fmt: skip
    readonly_fields = (scope_link, "status_label", "models_shown", "evidence_table")
    actions_detail = ("release",)

    @display(description="status", ordering="status", label=STATUS_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def status_label(self, constraint: Constraint) -> str:
        return constraint.status

    @admin.display(description="models")
    def models_shown(self, constraint: Constraint) -> str:
        return ", ".join(constraint.model_patterns) or "all"

    @admin.display(description="evidence")
    def evidence_table(self, constraint: Constraint) -> SafeString:
        return table(constraint.evidence)

    def has_release_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        constraint = self.get_queryset(request).filter(pk=object_id).select_related("scope").first()
        if constraint is None:
            return object_id is None
        is_active = constraint.status == Constraint.Status.ACTIVE
        return is_active and may_release_constraint(acting(request), constraint.scope)

    @action(description="Release", permissions=["release"], url_path="release")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return with_reason(
            request,
            title="Release the constraint",
            say="Calls are allowed again. The limit comes back only after a new crossing.",
            done="Released.",
            back=("admin:policies_constraint_change", object_id),
            run=lambda reason: operations.release_constraint(
                constraint_id=object_id, by=acting(request), reason=reason, at=timezone.now()
            ),
        )
