"""The list of accounts and one account, read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from budgets.ledger.admin.show import in_unit
from budgets.ledger.models import Account
from governance.pages.admin.base import RecordAdmin


@admin.register(Account)
class AccountAdmin(RecordAdmin):
    """One row for each budget and period; the transfers behind the balances are on the budget's page."""

    list_display = ("scope", "unit", "period", "funded_", "granted_out_", "spent_", "left", "shortfall_")
    list_filter = ("unit", "period_start")
    search_fields = ("scope__path",)
    ordering = ("-period_start", "scope__path")
    fields = ("scope", "unit", "budget", "parent", "period", "funded_", "granted_out_", "spent_", "left", "shortfall_")
    readonly_fields = ("period", "funded_", "granted_out_", "spent_", "left", "shortfall_")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).filter(kind=Account.Kind.BUDGET).select_related("scope", "budget")

    @admin.display(ordering="period_start")
    def period(self, account: Account) -> str:
        interval = account.interval
        return f"{interval.start} to {interval.last_day}"

    @admin.display(description="funded", ordering="funded")
    def funded_(self, account: Account) -> str:
        return in_unit(account, account.funded)

    @admin.display(description="granted to budgets below", ordering="granted_out")
    def granted_out_(self, account: Account) -> str:
        return in_unit(account, account.granted_out)

    @admin.display(description="spent", ordering="spent")
    def spent_(self, account: Account) -> str:
        return in_unit(account, account.spent)

    @admin.display
    def left(self, account: Account) -> str:
        return in_unit(account, account.funded - account.granted_out - account.spent)

    @admin.display(description="shortfall", ordering="shortfall")
    def shortfall_(self, account: Account) -> str:
        return in_unit(account, account.shortfall) if account.shortfall else "–"
