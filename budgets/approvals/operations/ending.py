"""Ending a budget."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.operations.lifecycle import check_status
from budgets.ledger.engine.charging import OpenAccount
from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Account
from budgets.ledger.operations import (
    balance_of,
    lock_for_opening,
    rebook_usage,
    scopes_above_and_below,
    write_entries,
)
from budgets.ledger.queries import open_accounts
from budgets.plans.engine.amounts import budget_quantity, plain
from budgets.plans.models import Budget
from budgets.plans.operations import (
    checked_reason,
    locked,
    terms,
)
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


@transaction.atomic
def end_budget(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """Ends an approved budget today: usage from today on is charged to the next budget above, and what is left is
    returned to it. WrongStatus, RightRequired, PersonRequired.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    check_status(budget, "end", Budget.Status.APPROVED)
    rules.check_person_with_right(actor, budget)
    stated_reason = checked_reason(reason)
    budget.status, budget.ends_on = Budget.Status.ENDED, max(at.date(), budget.starts_on)
    budget.save(update_fields=["status", "ends_on"])
    returned = _close_accounts(budget, at=at)
    mark_scopes_dirty(scope_ids=scopes_above_and_below([budget.scope_id]), at=at)
    record_decision(
        actor=actor,
        action="budget.end",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=stated_reason,
        evidence=terms(budget) | {"returned": plain(budget_quantity(budget.unit, returned))},
        at=at,
    )
    return budget


def _close_accounts(budget: Budget, *, at: datetime) -> Decimal:
    """Ends the accounts open today or later and rebooks their usage from today on; returns what was left, in quantities
    of the ledger.
    """
    assert budget.ends_on is not None  # noqa: S101  # an ended budget
    closing = list(Account.objects.filter(budget=budget, period_end__gt=budget.ends_on).order_by("pk"))
    if not closing:
        return Decimal(0)
    tree = scope_tree()
    start, end = min(account.interval.start for account in closing), max(account.interval.end for account in closing)
    nearby = scopes_above_and_below([budget.scope_id])
    before = open_accounts(unit=budget.unit, scope_ids=nearby, start=start, end=end)
    for account in closing:
        account.period_end = max(budget.ends_on, account.interval.start)
        account.save(update_fields=["period_end"])
    shortened = {account.pk: account.interval for account in closing}
    after = [
        OpenAccount(item.account_id, item.scope_id, shortened.get(item.account_id, item.period)) for item in before
    ]
    rebook_usage(
        unit=budget.unit,
        before=before,
        after=after,
        scope_ids=tree.descendants(budget.scope_id),
        since=budget.ends_on,
        until=end,
        tree=tree,
        at=at,
        reference="budget ends",
    )
    entries = []
    for account in Account.objects.filter(pk__in=shortened):
        left = balance_of(account).available
        if left > 0 and account.parent_id is not None:
            entries.append(Entry("return", account.parent_id, account.pk, left))
    write_entries(entries, on=at.date(), at=at, reference="budget ends")
    return sum((entry.amount for entry in entries), Decimal(0))
