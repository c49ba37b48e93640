"""How amounts, progress and the ledger look. Nothing here decides anything."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.safestring import SafeString

from budgets.ledger.engine.burn_chart import BurnChart, burn_up
from budgets.ledger.models import Account, Transfer, TransferQuerySet
from budgets.ledger.queries import BudgetFacts, spent_by_day
from budgets.plans.engine.amounts import budget_quantity, rounded
from budgets.plans.models import Budget
from governance.pages.admin.show import used_bar

TRANSFERS = 50
CHARGES = 10


def in_unit(account: Account, quantity: Decimal) -> str:
    currency = account.budget.currency if account.budget is not None else ""
    return rounded(account.unit, budget_quantity(account.unit, quantity), currency)


def progress(facts: BudgetFacts | None) -> SafeString | str:
    return used_bar(facts.used_ratio if facts else None)


@dataclass(frozen=True, slots=True)
class Row:
    on: date
    kind: str
    text: str
    amount: str
    is_in: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Period:
    """What the page of a budget shows of one period."""

    title: str
    amount: str
    used: str
    remaining: str
    is_overspent: bool
    granted_out: str
    available: str
    shortfall: str
    bar: SafeString | str
    chart: BurnChart
    summary: str


def period_shown(account: Account, facts: BudgetFacts, *, today: date) -> Period:
    budget, unit = account.budget, account.unit
    assert budget is not None  # noqa: S101  # budget accounts only

    def said(amount: Decimal) -> str:
        return rounded(unit, amount, budget.currency)

    period = account.interval
    even = facts.daily_share * max(0, min((today - period.start).days + 1, period.days))
    chart = burn_up(amount=facts.amount, spent_by_day=spent_by_day(account), period=period, today=today)
    return Period(
        title=f"{period.start} to {period.last_day}",
        amount=said(facts.amount),
        used=said(facts.used),
        remaining=said(facts.remaining),
        is_overspent=facts.remaining < 0,
        granted_out=said(facts.granted_out),
        available=said(facts.available),
        shortfall=said(facts.shortfall) if facts.shortfall else "",
        bar=progress(facts),
        chart=chart,
        summary=f"{said(facts.used)} of {said(facts.amount)} used; an even pace would be at {said(even)}.",
    )


def transfers_shown(budget: Budget) -> list[Row]:
    """Money in and out, as people decided it or as followed from that."""
    accounts = _accounts(budget)
    return _rows(Transfer.objects.of(accounts).exclude(kind=Transfer.Kind.CHARGE), accounts, budget, TRANSFERS)


def charges_shown(budget: Budget) -> list[Row]:
    """There may be several a second, so only the latest."""
    accounts = _accounts(budget)
    charges = Transfer.objects.filter(credit_account__in=accounts, kind=Transfer.Kind.CHARGE)
    return _rows(charges, accounts, budget, CHARGES)


def _accounts(budget: Budget) -> set[int]:
    return set(Account.objects.filter(budget=budget).values_list("pk", flat=True))


def _rows(found: TransferQuerySet, accounts: set[int], budget: Budget, count: int) -> list[Row]:
    latest = found.select_related("debit_account__scope", "credit_account__scope", "by").order_by("-pk")[:count]
    return [_row(transfer, accounts, budget) for transfer in latest]


def _row(transfer: Transfer, accounts: set[int], budget: Budget) -> Row:
    is_in = transfer.debit_account_id in accounts
    other = transfer.credit_account if is_in else transfer.debit_account
    where = other.scope.path if other.kind == Account.Kind.BUDGET else other.get_kind_display().lower()
    return Row(
        on=transfer.occurred_on,
        kind=transfer.kind,
        text=f"from {where}" if is_in else f"to {where}",
        amount=rounded(budget.unit, budget_quantity(budget.unit, transfer.amount), budget.currency),
        is_in=is_in,
        by=str(transfer.by or ""),
        reason=transfer.reason or transfer.reference,
    )
