"""Accepted unit costs in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from governance.charts.engine.numbers import money
from governance.pages.admin.base import OperatedAdmin, VisibleScopes, acting
from governance.pages.admin.show import number_column, scope_link
from governance.unit_costs import operations
from governance.unit_costs.models import UnitCostTarget


class AcceptForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable at run time.
    """Checks the shape only; the operation checks what may be accepted, and by whom."""

    class Meta:
        model = UnitCostTarget
        fields = ("scope", "unit", "outcome_name", "amount", "reason", "effective_from", "until", "review_by")


@admin.register(UnitCostTarget)
class UnitCostTargetAdmin(OperatedAdmin):
    """Accepting adds a row; what was accepted before stays unchanged below it."""

    form = AcceptForm
    list_display = (
        scope_link, "unit", "outcome_name", "amount_", "version", "effective_from", "until", "review_by",
        "accepted_by_label", "accepted_at",
    )  # fmt: skip
    list_filter = ("unit", ("scope", VisibleScopes))
    list_select_related = ("scope",)
    search_fields = ("scope__path", "outcome_name", "reason")
    ordering = ("scope__path", "unit", "outcome_name", "-version")
    fields = ("scope", "unit", "outcome_name", "amount", "reason", "effective_from", "until", "review_by")

    def get_fields(self, request: HttpRequest, obj: UnitCostTarget | None = None) -> tuple[str, ...]:
        del request
        return self.fields if obj is None else (*self.fields, "version", "accepted_by_label", "accepted_at")

    def has_change_permission(self, request: HttpRequest, obj: UnitCostTarget | None = None) -> bool:
        """What was accepted is never edited: accept another."""
        del request, obj
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"effective_from": timezone.now().date(), **initial}

    @number_column
    @admin.display(description="accepted cost", ordering="amount")
    def amount_(self, target: UnitCostTarget) -> str:
        return money(target.amount, target.currency)

    def save_model(
        self,
        request: HttpRequest,
        obj: UnitCostTarget,
        form: forms.ModelForm[UnitCostTarget],
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        del change
        accepted = operations.accept_unit_cost(actor=acting(request), at=timezone.now(), **form.cleaned_data)
        obj.pk = accepted.pk
        obj.refresh_from_db()
