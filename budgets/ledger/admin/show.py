"""How amounts, progress and transfers look in the admin; it only formats."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.safestring import SafeString

from budgets.ledger.engine.burn_chart import Ahead, BurnChart, RunsOut, burn_up
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
    held: str
    available: str
    shortfall: str
    carried_in: str
    carried_in_name: str
    carried_out: str
    carried_out_name: str
    bar: SafeString | str
    chart: BurnChart
    summary: str
    outlook: str
    under_way: str


def period_shown(
    account: Account, facts: BudgetFacts, *, today: date, held: Decimal, ahead: Sequence[Ahead] = (),
    runs_out: RunsOut | None = None, outlook: str = "", under_way: str = "",
) -> PeriodSummary:  # fmt: skip
    """The summary of the account's period, with the chart of spending up to `today` and of what is expected after.
    `held` is with the budgets below, as what was used is; `under_way` says what may be used beyond what is recorded.
    """
    budget, unit = account.budget, account.unit
    assert budget is not None  # noqa: S101  # budget accounts only

    def in_words(amount: Decimal) -> str:
        return rounded(unit, amount, budget.currency)

    period, carried_out = account.interval, budget_quantity(unit, account.carried_out)
    even = facts.daily_share * max(0, min((today - period.start).days + 1, period.days))
    chart = burn_up(
        amount=facts.amount, spent_by_day=spent_by_day(account), period=period, today=today, ahead=ahead, held=held,
        runs_out=runs_out, said=in_words,
    )  # fmt: skip
    on_top = f" and {in_words(held)} held" if held else ""
    return PeriodSummary(
        title=f"{period.start} to {period.last_day}",
        amount=in_words(facts.amount),
        used=in_words(facts.used),
        remaining=in_words(facts.remaining),
        is_overspent=facts.remaining < 0,
        granted_out=in_words(facts.granted_out),
        held=in_words(held) if held else "",
        available=in_words(facts.available),
        shortfall=in_words(facts.shortfall) if facts.shortfall else "",
        carried_in=in_words(abs(facts.carried_in)) if facts.carried_in else "",
        carried_in_name="Of it from the period before" if facts.carried_in > 0 else "Paid for the period before",
        carried_out=in_words(abs(carried_out)) if carried_out else "",
        carried_out_name="Gone on into the next period" if carried_out > 0 else "Paid by the next period",
        bar=progress(facts),
        chart=chart,
        summary=f"{in_words(facts.used)} of {in_words(facts.amount)} used{on_top}; an even pace would be at"
        f" {in_words(even)}.",
        outlook=outlook,
        under_way=under_way,
    )


def entries_shown(budget: Budget, accounts: Collection[int]) -> dict[str, list[TransferRow]]:
    """The latest entries of these accounts of the budget, for the template: `transfers`, what people decided and what
    followed from it, and `charges`, of which there may be several a second.
    """
    decided = Transfer.objects.of(accounts).decided()
    charges = Transfer.objects.filter(credit_account__in=accounts, kind=Transfer.Kind.CHARGE)
    return {
        "transfers": _rows(decided, accounts, budget, TRANSFERS),
        "charges": _rows(charges, accounts, budget, CHARGES),
    }


def accounts_of(budget: Budget) -> set[int]:
    """The ids of its accounts, one for each period."""
    return set(Account.objects.filter(budget=budget).values_list("pk", flat=True))


def spent_and_used(account: Account, facts: BudgetFacts) -> str:
    """How what was spent from the account differs from what the budget has used. Budget accounts only."""
    assert account.budget is not None  # noqa: S101  # budget accounts only
    own, used = in_unit(account, account.spent), rounded(account.unit, facts.used, account.budget.currency)
    below = facts.used - budget_quantity(account.unit, account.spent)
    if not account.granted_out and not below:
        return f"{own} was spent from this account, and that is what the budget has used: no budget lies below it."
    return (
        f"{own} was spent from this account, by {account.scope.path} and what lies below it without a budget of its"
        f" own. The budget has used {used}: that and {rounded(account.unit, below, account.budget.currency)} spent from"
        f" the budgets below it, to which {in_unit(account, account.granted_out)} was granted."
    )


def _rows(transfers: TransferQuerySet, accounts: Collection[int], budget: Budget, count: int) -> list[TransferRow]:
    latest = transfers.select_related("debit_account__scope", "credit_account__scope", "by").order_by("-pk")[:count]
    return [_row(transfer, accounts, budget) for transfer in latest]


def _row(transfer: Transfer, accounts: Collection[int], budget: Budget) -> TransferRow:
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
