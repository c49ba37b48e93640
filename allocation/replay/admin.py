"""The quarantine in the admin: records are replayed, corrected or set aside."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextareaWidget

from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import correct_quarantined, replay_quarantined, set_aside_quarantined
from governance.charts.engine.numbers import NOTHING, money
from governance.errors import DomainError, ReasonMissing
from governance.pages.admin.base import acting
from governance.pages.admin.lists import ReadOnlyAdmin
from governance.pages.admin.reasons import reason_field, with_reason
from governance.pages.admin.show import number_column


class WaitingFilter(admin.SimpleListFilter):
    title = "what became of it"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        del request, model_admin
        return [("waiting", "waits"), ("replayed", "replayed"), ("set_aside", "set aside")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        del request
        conditions = {
            "waiting": {"replayed_at__isnull": True, "set_aside_at__isnull": True},
            "replayed": {"replayed_at__isnull": False},
            "set_aside": {"set_aside_at__isnull": False},
        }
        return queryset.filter(**conditions.get(self.value() or "", {}))


class CorrectionForm(forms.Form):
    record = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "style": "font-family: ui-monospace, monospace"}),
        help_text="The record as it was kept, as a usage event in JSON. Change what is wrong, or take it out.",
    )
    reason = reason_field()

    def clean_record(self) -> dict[str, Any]:
        try:
            record = json.loads(self.cleaned_data["record"])
        except (ValueError, RecursionError) as problem:
            raise forms.ValidationError(f"This is not JSON: {problem}.") from problem
        if not isinstance(record, dict):
            raise forms.ValidationError("A record is a JSON object: {…}.")
        return record


class ReplayForm(ActionForm):  # type: ignore[misc]  # unfold is untyped
    reason = forms.CharField(required=False, max_length=500, help_text="To accept stated costs; goes on record.")


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(ReadOnlyAdmin):
    list_display = (
        "last_seen_at", "money_shown", "message", "scope_and_model", "code", "source_format", "seen_count", "authority",
        "replayed_at", "set_aside_at",
    )  # fmt: skip
    list_filter = (WaitingFilter, "code", "source_format")
    list_select_related = ("authority",)
    ordering = ("-last_seen_at", "-id")
    actions = ["replay", "accept_costs"]
    action_form = ReplayForm
    actions_detail = ("correct", "set_aside")

    def has_replay_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        del object_id
        return request.user.has_perm("allocation.change_quarantinedusage")

    @number_column
    @admin.display(description="not counted", ordering="amount")
    def money_shown(self, refused: QuarantinedUsage) -> str:
        about = "about " if refused.is_estimate else ""
        return NOTHING if refused.amount is None else f"{about}{money(refused.amount, refused.currency)}"

    @admin.display(description="scope and model")
    def scope_and_model(self, refused: QuarantinedUsage) -> str:
        payload = refused.payload or {}
        return " · ".join(str(payload[name]) for name in ("scope", "model") if payload.get(name)) or NOTHING

    @admin.action(description="Replay the selected records", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[QuarantinedUsage]) -> None:
        self._replay(request, queryset)

    @admin.action(description="Accept the stated costs of the selected records", permissions=["replay"])
    def accept_costs(self, request: HttpRequest, queryset: QuerySet[QuarantinedUsage]) -> None:
        try:
            self._replay(request, queryset, accept_costs=True, reason=request.POST.get("reason", ""))
        except ReasonMissing as refused:
            self.message_user(request, refused.detail, messages.ERROR)

    def _replay(self, request: HttpRequest, queryset: QuerySet[QuarantinedUsage], **how: Any) -> None:
        result = replay_quarantined(
            ids=queryset.values_list("pk", flat=True), actor=acting(request), at=timezone.now(), **how
        )
        remaining = ", ".join(f"{count} {code}" for code, count in sorted(result.remaining.items())) or "none"
        self.message_user(
            request,
            f"{result.accepted} accepted, {result.duplicate} there already, refused again: {remaining}.",
            messages.WARNING if result.remaining else messages.SUCCESS,
        )

    @action(description="Correct and replay", permissions=["replay"], url_path="correct", icon="edit_note")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def correct(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The form with the record as it was kept; a refusal is shown with what was typed."""
        row = self.rows_seen(request, object_id).first()
        back = reverse("admin:allocation_quarantinedusage_changelist")
        if row is None:
            return HttpResponseRedirect(back)
        kept = row.payload or {}
        initial = {"record": json.dumps(kept, indent=2, ensure_ascii=False)}
        form = CorrectionForm(request.POST if request.method == "POST" else None, initial=initial)
        if form.is_bound and form.is_valid():
            typed = form.cleaned_data["record"]
            changes = {name: typed.get(name) for name in {*kept, *typed} if kept.get(name) != typed.get(name)}
            try:
                result = correct_quarantined(
                    record_id=row.pk, changes=changes, reason=form.cleaned_data["reason"], actor=acting(request),
                    at=timezone.now(),
                )  # fmt: skip
            except DomainError as refused:
                form.add_error(None, refused.detail)
            else:
                self.message_user(request, "It counts now." if result.accepted else "It counted already.")
                return HttpResponseRedirect(back)
        return TemplateResponse(request, "governance/reason.html", self._asked(request, row, form, back))

    def _asked(self, request: HttpRequest, row: QuarantinedUsage, form: forms.Form, back: str) -> dict[str, Any]:
        cause = row.message if row.payload is not None else (
            "Only a digest of this record was kept, since it was too large or no JSON object: it can be sent again, not"
            " corrected."
        )  # fmt: skip
        waits = row.replayed_at is None and row.set_aside_at is None
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Correct and replay",
            "explanation": cause if waits else "The record waits no longer: it has been replayed or set aside.",
            "form": form,
            "blocked": row.payload is None or not waits,
            "back": back,
        }

    @action(description="Set aside", permissions=["replay"], url_path="set-aside", icon="block")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def set_aside(self, request: HttpRequest, object_id: int) -> HttpResponse:
        row = self.rows_seen(request, object_id).first()
        back = reverse("admin:allocation_quarantinedusage_changelist")
        if row is None:
            return HttpResponseRedirect(back)
        return with_reason(
            request,
            title="Set aside",
            explanation=f"{self.money_shown(row)} will never count, and nobody is reminded of it again. {row.message}",
            done="Set aside.",
            back=back,
            run=lambda reason: set_aside_quarantined(
                record_id=row.pk, reason=reason, actor=acting(request), at=timezone.now()
            ),
        )
