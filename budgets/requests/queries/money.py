"""Which budget a request raises, and where money is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from budgets.ledger.models import Account
from budgets.ledger.operations import balance_of
from budgets.plans.engine.amounts import budget_quantity
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from governance.scopes.engine import nearest
from governance.scopes.queries import scope_tree


def budgets_raised(requests: Iterable[QuotaRequest], *, day: date) -> dict[int, Budget]:
    """By request id the budget that it raises, as of `day`: that which the scope's use is charged to, and for dates and
    standing changes the scope's own on their first day. Left out where there is none. One query.
    """
    asked = list(requests)
    if not asked:
        return {}
    tree = scope_tree()
    scopes = {above for request in asked for above in tree.ancestors(request.scope_id)}
    days = {max(day, request.starts_on) for request in asked} | {day}
    rows = Budget.objects.filter(scope_id__in=scopes, status=Budget.Status.APPROVED, starts_on__lte=max(days))
    budgets = list(rows.filter(Q(ends_on=None) | Q(ends_on__gt=day)).select_related("scope", "created_by"))
    found = {}
    for request in asked:
        of_period = request.term == QuotaRequest.Term.PERIOD
        on = day if of_period else max(day, request.starts_on)
        fitting = {each.scope_id: each for each in budgets if each.unit == request.unit and _covers(each, on)}
        lineage = tree.ancestors(request.scope_id)
        budget = nearest(lineage if of_period else lineage[:1], fitting)
        if budget is not None:
            found[request.pk] = budget
    return found


def budget_charged(scope_id: int, unit: str, *, day: date) -> Budget | None:
    """The approved budget of the nearest scope at or above on that day."""
    lineage = scope_tree().ancestors(scope_id)
    rows = Budget.objects.in_force(day).filter(scope_id__in=lineage, unit=unit, status=Budget.Status.APPROVED)
    return nearest(lineage, {budget.scope_id: budget for budget in rows.select_related("scope")})


def _covers(budget: Budget, day: date) -> bool:
    return budget.starts_on <= day and (budget.ends_on is None or day < budget.ends_on)


@dataclass(frozen=True, slots=True)
class MoneyAbove:
    """What an account has that is neither spent nor granted on, in the budget's unit."""

    account: Account
    available: Decimal


def money_above(scope_id: int, unit: str, *, day: date) -> list[MoneyAbove]:
    """Of the accounts above the scope that are open on the day, nearest first; what each could still give."""
    lineage = scope_tree().ancestors(scope_id)[1:]
    rows = Account.objects.of_budgets().filter(
        scope_id__in=lineage, unit=unit, period_start__lte=day, period_end__gt=day
    )
    by_scope: Mapping[int, Account] = {account.scope_id: account for account in rows.select_related("scope", "budget")}
    return [_left(by_scope[above]) for above in lineage if above in by_scope]


def _left(account: Account) -> MoneyAbove:
    left = budget_quantity(account.unit, balance_of(account).available)
    return MoneyAbove(account, max(left, Decimal(0)))
