"""More at once by one person, and taking back what is left of it (ADR 59)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.operations.granting import needs_second_person
from budgets.approvals.operations.grants import moved, opened_now
from budgets.ledger.models import Account
from budgets.ledger.operations import balance_of, lock_for_opening, record_shortfalls
from budgets.plans.engine.amounts import budget_quantity
from budgets.plans.errors import FourEyes
from budgets.plans.operations import check_amount, checked_reason, locked
from governance.people.models import DecisionRight
from governance.people.rules import Actor

RIGHT = DecisionRight.GRANT_IN_EMERGENCY


@transaction.atomic
def grant_ahead(
    *, budget_id: int, amount: Decimal, actor: Actor, reason: str, evidence: Mapping[str, object], at: datetime
) -> Account:
    """Grants `amount` for the current period from the account above, by who holds the right to grant in an emergency.
    Whoever calls it holds the cap.

    FourEyes where one person alone may not, with whatever right, and for the budget's author; RightRequired,
    NotInForce, InsufficientFunds, Invalid.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    rules.check_decider(actor, budget, right=RIGHT)
    stated_reason = checked_reason(reason)
    check_amount(budget.unit, amount)
    account, opened = opened_now(budget, at)
    if needs_second_person(budget, account, amount):
        raise FourEyes(
            f"More for {budget.scope.path} raises a ceiling, which takes two persons, in an emergency too: ask for it"
            " with POST /api/v1/quota-requests."
        )
    return moved(
        budget, account, opened, amount, actor=actor, reason=stated_reason, at=at, evidence=evidence, right=RIGHT
    )


@transaction.atomic
def take_back_unspent(
    *, budget_id: int, period_start: date, at_most: Decimal, actor: Actor, reason: str,
    evidence: Mapping[str, object], at: datetime,
) -> Decimal:  # fmt: skip
    """Returns to the account above what is neither spent, held nor granted on, up to `at_most` in the budget's unit;
    how much that was. 0 once the period is over: what was left of it is gone with it. FourEyes, RightRequired.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    rules.check_decider(actor, budget)
    account, opened = opened_now(budget, at)
    left = min(at_most, budget_quantity(budget.unit, balance_of(Account.objects.get(pk=account.pk)).available))
    if account.period_start != period_start or left <= 0:
        record_shortfalls(opened, at=at)
        return Decimal(0)
    moved(budget, account, opened, -left, actor=actor, reason=checked_reason(reason), at=at, evidence=evidence)
    return left
