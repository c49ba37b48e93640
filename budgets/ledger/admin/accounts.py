"""The list of accounts and one account, read-only."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from budgets.ledger.admin.show import entries_shown, in_unit, spent_and_used
from budgets.ledger.admin.tree import tree_page
from budgets.ledger.models import Account
from budgets.ledger.queries import facts_of, used_below
from budgets.plans.engine.amounts import budget_quantity
from governance.pages.admin.base import RecordAdmin
from governance.pages.admin.export import Column
from governance.pages.admin.show import number_column
from governance.pages.engine.workbook import Cell


def amount_of(field: str) -> Callable[[Account], Cell]:
    """In the unit of the budget, as a number."""
    return lambda account: budget_quantity(account.unit, getattr(account, field))


@admin.register(Account)
class AccountAdmin(RecordAdmin):
    """One row for each budget and period; its page has the entries behind the balances."""

    change_form_after_template = "budgets/ledger/ledger.html"

    list_display = ("scope", "period", "funded_", "granted_out_", "spent_", "held_", "left", "shortfall_")
    export_columns = (
        Column("Scope", attrgetter("scope.path")), Column("Unit", attrgetter("unit")),
        Column("Currency", attrgetter("budget.currency")), Column("From", attrgetter("period_start")),
        Column("Until", attrgetter("period_end")),
        *(
            Column(name, amount_of(field))
            for name, field in (
                ("Funded", "funded"), ("Granted to budgets below", "granted_out"), ("Spent", "spent"), ("Held", "held"),
                ("Left", "available"), ("Shortfall", "shortfall"),
            )
        ),
    )  # fmt: skip
    list_filter = ("unit", "period_start")
    search_fields = ("scope__path",)
    ordering = ("-period_start", "scope__path")
    fields = (
        "scope",
        "unit",
        "budget",
        "parent",
        "period",
        "funded_",
        "granted_out_",
        "spent_",
        "held_",
        "left",
        "shortfall_",
    )
    readonly_fields = ("period", "funded_", "granted_out_", "spent_", "held_", "left", "shortfall_")

    def get_urls(self) -> list[URLPattern]:
        page = path("tree/", self.admin_site.admin_view(tree_page), name="budgets_tree")
        return [page, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).filter(kind=Account.Kind.BUDGET).select_related("scope", "budget")

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *, obj: Any = None, **more: Any) -> Any:
        """With its latest entries, and how its spending differs from the budget's."""
        if obj is not None:
            facts = facts_of(obj, used_below([obj.pk])[obj.pk])
            context |= {
                "account": obj, "budget": obj.budget, "spent_and_used": spent_and_used(obj, facts),
                **entries_shown(obj.budget, {obj.pk}),
            }  # fmt: skip
        return super().render_change_form(request, context, obj=obj, **more)

    @admin.display(ordering="period_start")
    def period(self, account: Account) -> str:
        interval = account.interval
        return f"{interval.start} to {interval.last_day}"

    @number_column
    @admin.display(description="funded", ordering="funded")
    def funded_(self, account: Account) -> str:
        return in_unit(account, account.funded)

    @number_column
    @admin.display(description="granted to budgets below", ordering="granted_out")
    def granted_out_(self, account: Account) -> str:
        return in_unit(account, account.granted_out)

    @number_column
    @admin.display(description="spent", ordering="spent")
    def spent_(self, account: Account) -> str:
        return in_unit(account, account.spent)

    @number_column
    @admin.display(description="held", ordering="held")
    def held_(self, account: Account) -> str:
        return in_unit(account, account.held) if account.held else "–"

    @number_column
    @admin.display
    def left(self, account: Account) -> str:
        return in_unit(account, account.available)

    @number_column
    @admin.display(description="shortfall", ordering="shortfall")
    def shortfall_(self, account: Account) -> str:
        return in_unit(account, account.shortfall) if account.shortfall else "–"
