"""More money for the current period, or less: a transfer between two accounts; what was approved is never edited."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from django.db import transaction

from budgets.approvals import rules
from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Account, Transfer
from budgets.ledger.operations import (
    Opened,
    balance_of,
    days_to_open,
    lock_for_opening,
    open_missing,
    record_shortfalls,
    scopes_above_and_below,
    write_entries,
)
from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken
from budgets.plans.errors import InsufficientFunds, NotInForce
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount, checked_reason, locked
from governance.people.models import DecisionRight
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


@transaction.atomic
def give_back(*, budget_id: int, amount: Decimal, actor: Actor, reason: str, at: datetime) -> Account:
    """Returns `amount`, in the budget's unit, for the current period only, to the account above; only what is not
    granted to accounts below can be returned. FourEyes, RightRequired, NotInForce, InsufficientFunds; Invalid.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    rules.check_decider(actor, budget)
    stated_reason = checked_reason(reason)
    check_amount(budget.unit, amount)
    account, opened = opened_now(budget, at)
    return moved(budget, account, opened, -amount, actor=actor, reason=stated_reason, at=at)


def opened_now(budget: Budget, at: datetime) -> tuple[Account, Opened]:
    """The account of the current period, and what accounts that were opened for it lack. Under the opening lock."""
    opened = open_missing(days=days_to_open(at), root_id=scope_tree().by_id[budget.scope_id].root_id, at=at)
    return current_account(budget, at.date()), opened


def moved(
    budget: Budget, account: Account, opened: Opened, amount: Decimal, *, actor: Actor, reason: str,
    at: datetime, evidence: Mapping[str, object] = MappingProxyType({}),
    right: DecisionRight = DecisionRight.APPROVE_BUDGET,
) -> Account:  # fmt: skip
    """Moves `amount`, below zero to give back, and records it last. Under the opening lock. Asks once more whether the
    actor may, by `right`: whoever calls it moves money.
    """
    rules.check_decider(actor, budget, right=right)
    verb = "grant" if amount > 0 else "give_back"
    quantity = ledger_quantity(budget.unit, amount)
    change_funding(account, quantity, budget=budget, actor=actor, reason=reason, reference=verb, at=at)
    mark_scopes_dirty(scope_ids=scopes_above_and_below([budget.scope_id]), at=at)
    record_shortfalls(opened, at=at)
    account.refresh_from_db()
    record_decision(
        actor=actor,
        action=f"budget.{verb}",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=reason,
        evidence={
            "amount": plain(abs(amount)),
            "unit": budget.unit,
            "period_start": str(account.period_start),
            "period_end": str(account.period_end),
            "funded": plain(budget_quantity(budget.unit, account.funded)),
            **evidence,
        },
        at=at,
    )
    return account


def current_account(budget: Budget, day: date) -> Account:
    """The account whose period contains the day, with its parent. NotInForce when there is none."""
    account = (
        Account.objects.filter(budget=budget, period_start__lte=day, period_end__gt=day)
        .select_related("parent__scope", "scope")
        .first()
    )
    if account is None:
        raise NotInForce(f"The budget {budget.name!r} has no account for {day}: it is {budget.status}.")
    return account


def change_funding(
    account: Account, quantity: Decimal, *, budget: Budget, actor: Actor, reason: str, reference: str, at: datetime
) -> None:
    """Transfers `quantity` between the account and its parent, which is loaded; negative to give back. In quantities of
    the ledger; call under the opening lock.

    A shortfall is filled first and given back first. InsufficientFunds when either account has too little.
    """
    parent = account.parent
    assert parent is not None  # noqa: S101  # budget accounts only
    unit, currency = budget.unit, budget.currency
    from_source = parent.kind == Account.Kind.SOURCE
    if quantity > 0:
        available = balance_of(Account.objects.get(pk=parent.pk)).available
        if not from_source and available < quantity:
            left = max(budget_quantity(unit, available), Decimal(0))
            raise InsufficientFunds(
                f"{parent.scope.path} has {spoken(unit, left, currency)} available from {parent.period_start} to"
                f" {parent.period_end}; {spoken(unit, budget_quantity(unit, quantity), currency)} more is asked for"
                f" {account.scope.path}.",
                available=left,
            )
        kind = Transfer.Kind.FUND if from_source else Transfer.Kind.GRANT
        entry = Entry(kind, account.pk, parent.pk, quantity)
        filled = min(quantity, account.shortfall)
    elif quantity < 0:
        stored = Account.objects.get(pk=account.pk)
        filled = min(-quantity, stored.shortfall) if reference == "new version" else Decimal(0)
        back, free = -quantity - filled, stored.funded - stored.granted_out - stored.held
        if back > free:
            left = budget_quantity(unit, free)
            raise InsufficientFunds(
                f"{account.scope.path} has {spoken(unit, left, currency)} that is not granted to budgets below it or"
                f" held; {spoken(unit, budget_quantity(unit, back), currency)} cannot go back.",
                available=left,
            )
        entry = Entry(Transfer.Kind.RETURN, parent.pk, account.pk, back)
    else:
        return
    if filled:
        account.shortfall -= filled
        account.save(update_fields=["shortfall"])
    if entry.amount:
        write_entries([entry], on=at.date(), at=at, reference=reference, reason=reason, by=actor.user, to={entry.debit})
