"""Decision records in the admin, and the check of their chain."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action

from governance.pages.admin.base import RecordAdmin, acting
from governance.records.models import DecisionRecord
from governance.records.queries import is_intact, verify_chain, with_evidence_text


@admin.register(DecisionRecord)
class DecisionRecordAdmin(RecordAdmin):
    list_display = ("seq", "decided_at", "actor", "action", "subject", "scope_path", "reason", "holds")
    list_filter = ("action",)
    search_fields = ("actor", "action", "subject", "scope_path", "reason")
    ordering = ("-seq",)
    show_full_result_count = False
    actions_list = ("check_chain",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_evidence_text(super().get_queryset(request))

    @admin.display(boolean=True, description="unchanged")
    def holds(self, record: DecisionRecord) -> bool:
        return is_intact(record)

    def has_check_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("governance.view_decisionrecord")

    @action(description="Check the whole chain", permissions=["check"], url_path="check-chain")  # type: ignore[untyped-decorator]  # Unfold has no types.
    def check_chain(self, request: HttpRequest) -> HttpResponse:
        check = verify_chain()
        # How many there are of all organisations is for who operates them.
        is_told_all = acting(request).sees_everything
        if check.broken is None:
            counted = f"{check.records} records hold; head {check.head or 'none yet'}."
            messages.success(request, counted if is_told_all else "Every record holds, yours and all others.")
        else:
            found = f"BROKEN at record {check.broken_seq}: {check.broken}."
            messages.error(request, found if is_told_all else "BROKEN: tell who operates Weir, who sees where.")
        return redirect("admin:governance_decisionrecord_changelist")
