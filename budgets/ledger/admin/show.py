"""How amounts, progress and transfers look in the admin; it only formats."""

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
    """A quantity of the ledger in the budget's own unit, for a table."""
    currency = account.budget.currency if account.budget is not None else ""
    return rounded(account.unit, budget_quantity(account.unit, quantity), currency)


def progress(facts: BudgetFacts | None) -> SafeString | str:
    """The bar of the share used; a dash without facts."""
    return used_bar(facts.used_ratio if facts else None)


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One transfer as the page of a budget shows it; `is_in` when money comes in."""

    on: date
    kind: str
    text: str
    amount: str
    is_in: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PeriodSummary:
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


def period_shown(account: Account, facts: BudgetFacts, *, today: date) -> PeriodSummary:
    """The summary of the account's period, with the chart of spending up to `today`."""
    budget, unit = account.budget, account.unit
    assert budget is not None  # noqa: S101  # budget accounts only

    def in_words(amount: Decimal) -> str:
        return rounded(unit, amount, budget.currency)

    period = account.interval
    even = facts.daily_share * max(0, min((today - period.start).days + 1, period.days))
    chart = burn_up(amount=facts.amount, spent_by_day=spent_by_day(account), period=period, today=today)
    return PeriodSummary(
        title=f"{period.start} to {period.last_day}",
        amount=in_words(facts.amount),
        used=in_words(facts.used),
        remaining=in_words(facts.remaining),
        is_overspent=facts.remaining < 0,
        granted_out=in_words(facts.granted_out),
        available=in_words(facts.available),
        shortfall=in_words(facts.shortfall) if facts.shortfall else "",
        bar=progress(facts),
        chart=chart,
        summary=f"{in_words(facts.used)} of {in_words(facts.amount)} used; an even pace would be at {in_words(even)}.",
    )


def transfers_shown(budget: Budget) -> list[TransferRow]:
    """Transfers other than charges, latest first: what people decided and what followed from it."""
    accounts = _accounts(budget)
    return _rows(Transfer.objects.of(accounts).exclude(kind=Transfer.Kind.CHARGE), accounts, budget, TRANSFERS)


def charges_shown(budget: Budget) -> list[TransferRow]:
    """The latest charges only: there may be several a second."""
    accounts = _accounts(budget)
    charges = Transfer.objects.filter(credit_account__in=accounts, kind=Transfer.Kind.CHARGE)
    return _rows(charges, accounts, budget, CHARGES)


def _accounts(budget: Budget) -> set[int]:
    return set(Account.objects.filter(budget=budget).values_list("pk", flat=True))


def _rows(transfers: TransferQuerySet, accounts: set[int], budget: Budget, count: int) -> list[TransferRow]:
    latest = transfers.select_related("debit_account__scope", "credit_account__scope", "by").order_by("-pk")[:count]
    return [_row(transfer, accounts, budget) for transfer in latest]


def _row(transfer: Transfer, accounts: set[int], budget: Budget) -> TransferRow:
    is_in = transfer.debit_account_id in accounts
    counterpart = transfer.credit_account if is_in else transfer.debit_account
    name = counterpart.scope.path if counterpart.kind == Account.Kind.BUDGET else counterpart.get_kind_display().lower()
    return TransferRow(
        on=transfer.occurred_on,
        kind=transfer.kind,
        text=f"from {name}" if is_in else f"to {name}",
        amount=rounded(budget.unit, budget_quantity(budget.unit, transfer.amount), budget.currency),
        is_in=is_in,
        by=str(transfer.by or ""),
        reason=transfer.reason or transfer.reference,
    )
