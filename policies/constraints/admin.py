"""The list of constraints, and the page on which a person releases one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from governance.pages.admin.base import RecordAdmin, acting
from governance.pages.admin.evidence import STATUS_LABEL, table
from governance.pages.admin.reasons import with_reason
from governance.pages.admin.show import scope_link
from policies.constraints import operations
from policies.constraints.models import KIND_FIELDS, Constraint
from policies.constraints.rules import may_release_constraint

SHOWN_FIELDS = tuple("models_shown" if name == "model_patterns" else name for name in KIND_FIELDS)


@admin.register(Constraint)
class ConstraintAdmin(RecordAdmin):
    list_display = (
        "guardrail",
        scope_link,
        "step",
        "status_label",
        *SHOWN_FIELDS,
        "starts_at",
        "expires_at",
        "reason",
    )
    list_filter = ("status", "guardrail")
    list_select_related = ("scope",)
    search_fields = ("guardrail", "scope__path", "reason")
    ordering = ("-starts_at",)
    fields = (
        scope_link, "guardrail", "version", "step", *SHOWN_FIELDS, "status_label", "owner", "reason",
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
        constraint = self.rows_seen(request, object_id).select_related("scope").first()
        if constraint is None:
            return object_id is None
        is_active = constraint.status == Constraint.Status.ACTIVE
        return is_active and may_release_constraint(acting(request), constraint.scope)

    @action(description="Release", permissions=["release"], url_path="release")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def release(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return with_reason(
            request,
            title="Release the constraint",
            explanation="Calls are allowed again. The limit comes back only after a new crossing.",
            done="Released.",
            back=reverse("admin:policies_constraint_change", args=[object_id]),
            run=lambda reason: operations.release_constraint(
                constraint_id=object_id, actor=acting(request), reason=reason, at=timezone.now()
            ),
        )
