"""Guardrails, alerts, constraints and evaluations to look at; the one thing to do here is to release a constraint."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from governance.admin.base import RecordAdmin, acting
from governance.errors import DomainError
from policies import operations
from policies.models import Alert, AlertEvent, Constraint, DataGap, EvaluationRun, GuardrailVersion
from policies.queries.dashboard import dashboard
from policies.rules import may_acknowledge, may_release_constraint

SEVERITY_LABEL = {"info": "info", "low": "info", "medium": "warning", "high": "danger", "critical": "danger"}
STATUS_LABEL = {
    "pending": "warning", "firing": "danger", "resolved": "success",
    "active": "danger", "released": "success", "expired": "info",
}  # fmt: skip


admin.site.index_template = "policies/dashboard.html"


def with_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK."""
    return {**context, "weir": dashboard(actor=acting(request), at=timezone.now())}


class ReasonForm(forms.Form):
    reason = forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), max_length=2000)


def table(values: Any) -> SafeString:
    """Nested JSON as rows of dotted name and value."""
    return format_html(
        "<table><tbody>{}</tbody></table>",
        format_html_join(
            "", '<tr><th style="text-align:left;padding-right:1rem">{}</th><td>{}</td></tr>', _rows(values)
        ),
    )


def _rows(values: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(values, dict):
        return [row for name, below in values.items() for row in _rows(below, f"{path}.{name}" if path else str(name))]
    return [(path, "" if values is None else str(values))]


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
class GuardrailVersionAdmin(ReadOnlyAdmin):
    list_display = ("name", "number", "is_active", "level", "tests", "applied_at", "applied_by", "source")
    list_filter = ("is_active", "level")
    search_fields = ("name", "text")
    ordering = ("-is_active", "name", "-number")
    fields = (
        "name", "number", "is_active", "level", "source", "digest", "applied_at", "applied_by", "retired_at",
        "retired_by", "retire_reason", "test_table", "yaml",
    )  # fmt: skip
    readonly_fields = ("test_table", "yaml")

    @display(description="tests")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def tests(self, version: GuardrailVersion) -> str:
        return f"{sum(bool(one['passed']) for one in version.test_results)} of {len(version.test_results)} passed"

    @admin.display(description="test results")
    def test_table(self, version: GuardrailVersion) -> SafeString:
        return table({one["name"]: "passed" if one["passed"] else "failed" for one in version.test_results})

    @admin.display(description="document")
    def yaml(self, version: GuardrailVersion) -> SafeString:
        return format_html('<pre style="white-space:pre-wrap;font-family:monospace">{}</pre>', version.text)


class AlertEventInline(TabularInline):  # type: ignore[misc]  # Unfold has no types.
    model = AlertEvent
    fields = ("at", "kind", "step", "detail")
    readonly_fields = fields
    ordering = ("id",)
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    list_display = ("guardrail", "scope", "status_label", "severity_label", "step", "level", "opened_at", "reason")
    list_filter = ("status", "severity", "guardrail", "level")
    list_select_related = ("scope",)
    search_fields = ("guardrail", "scope__path", "reason")
    ordering = ("-opened_at",)
    fields = (
        "scope", "guardrail", "version", "level", "status_label", "severity_label", "step", "reason", "period_start",
        "period_end", "opened_at", "escalated_at", "last_notified_at", "acknowledged_at", "acknowledged_by",
        "resolved_at", "resolve_reason", "evidence_table",
    )  # fmt: skip
    readonly_fields = ("status_label", "severity_label", "evidence_table")
    inlines = (AlertEventInline,)
    actions_detail = ("acknowledge",)

    @display(description="status", ordering="status", label=STATUS_LABEL)  # type: ignore[untyped-decorator]  # Unfold has no types.
    def status_label(self, alert: Alert) -> str:
        return alert.status

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
        "step",
        "scope",
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
        "scope", "guardrail", "version", "step", "action", "models_shown", "status_label", "owner", "reason",
        "starts_at", "min_hold_until", "expires_at", "released_at", "released_by", "release_reason", "alert",
        "evidence_table",
    )  # fmt: skip
    readonly_fields = ("status_label", "models_shown", "evidence_table")
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


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin):
    list_display = (
        "cause", "started_at", "seconds", "scopes_count", "guardrails_count", "evaluations_count",
        "transitions_count", "no_data_count", "errors",
    )  # fmt: skip
    list_filter = ("cause",)
    ordering = ("-started_at",)
    show_full_result_count = False

    @admin.display(description="seconds")
    def seconds(self, run: EvaluationRun) -> str:
        return f"{(run.finished_at - run.started_at).total_seconds():.3f}" if run.finished_at else ""


@admin.register(DataGap)
class DataGapAdmin(RecordAdmin):
    list_display = ("organisation", "cause", "scopes_count", "opened_at", "ended_at", "reason")
    list_filter = ("cause",)
    ordering = ("-opened_at",)


def with_reason(
    request: HttpRequest, *, title: str, say: str, done: str, back: tuple[str, Any], run: Any
) -> HttpResponse:
    """A page that asks why, then runs the operation with that reason."""
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            run(form.cleaned_data["reason"])
        except DomainError as refused:
            messages.error(request, refused.detail)
        else:
            messages.success(request, done)
        return redirect(*back)
    context = {**admin.site.each_context(request), "form": form, "title": title, "say": say}
    return TemplateResponse(request, "policies/reason.html", context)
