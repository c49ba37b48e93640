"""Reservations as the admin shows them: read-only, the open ones first."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from budgets.plans.engine.amounts import rounded
from budgets.reservations.models import Reservation
from governance.pages.admin.base import RecordAdmin, VisibleScopes
from governance.pages.admin.show import number_column


@admin.register(Reservation)
class ReservationAdmin(RecordAdmin):
    """What is held, for which calls, and how each ended."""

    list_display = (
        "scope",
        "kind",
        "status",
        "amount_",
        "spent_",
        "model",
        "task_id",
        "created_at",
        "expires_at",
        "ended_by",
    )
    list_filter = ("kind", "status", "unit", ("scope", VisibleScopes))
    search_fields = ("id", "tree", "task_id")
    ordering = ("-created_at", "id")
    fields = (
        "id", "kind", "scope", "status", "ended_by", "unit", "amount_", "spent_", "drawn_", "told_", "held_",
        "account", "parent", "tree", "sized_by", "provider", "model", "task_id",
        "requested_by", "created_at", "expires_at", "ended_at",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        return super().get_queryset(request).select_related("scope", "account__budget")

    @number_column
    @admin.display(description="amount", ordering="amount")
    def amount_(self, row: Reservation) -> str:
        return _in_unit(row, "amount")

    @number_column
    @admin.display(description="used, with all below", ordering="spent")
    def spent_(self, row: Reservation) -> str:
        return _in_unit(row, "spent")

    @number_column
    @admin.display(description="used, or held by those below")
    def drawn_(self, row: Reservation) -> str:
        return _in_unit(row, "drawn")

    @number_column
    @admin.display(description="drawn, as the holder of a lease told")
    def told_(self, row: Reservation) -> str:
        return _in_unit(row, "drawn_told")

    @number_column
    @admin.display(description="held on the account")
    def held_(self, row: Reservation) -> str:
        return _in_unit(row, "held")


def _in_unit(row: Reservation, field: str) -> str:
    budget = row.account.budget if row.account is not None else None
    return rounded(row.unit, row.in_unit(getattr(row, field)), budget.currency if budget is not None else "")
