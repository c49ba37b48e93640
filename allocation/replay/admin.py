"""The quarantine in the admin, with the action that replays records."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import ActionForm

from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from governance.charts.engine.numbers import NOTHING
from governance.errors import ReasonMissing
from governance.pages.admin.base import acting
from governance.pages.admin.lists import ReadOnlyAdmin


class ReplayForm(ActionForm):  # type: ignore[misc]  # unfold is untyped
    reason = forms.CharField(required=False, max_length=500, help_text="To accept stated costs; goes on record.")


@admin.register(QuarantinedUsage)
class QuarantinedUsageAdmin(ReadOnlyAdmin):
    list_display = (
        "last_seen_at",
        "message",
        "scope_and_model",
        "code",
        "source_format",
        "seen_count",
        "authority",
        "replayed_at",
    )
    list_filter = ("code", "source_format", ("replayed_at", admin.EmptyFieldListFilter))
    list_select_related = ("authority",)
    ordering = ("-last_seen_at", "-id")
    actions = ["replay", "accept_costs"]
    action_form = ReplayForm

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("allocation.change_quarantinedusage")

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
