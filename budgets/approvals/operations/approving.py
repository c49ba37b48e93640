"""Approving a budget: what it replaces, what funds it, and what is charged to it at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.operations.grants import change_funding
from budgets.approvals.operations.lifecycle import check_status
from budgets.ledger.models import Account
from budgets.ledger.operations import (
    Opened,
    days_to_open,
    lock_for_opening,
    open_missing,
    record_shortfalls,
    scopes_above_and_below,
)
from budgets.plans.engine.amounts import ledger_quantity, spoken
from budgets.plans.errors import ChangedSinceSeen
from budgets.plans.models import Budget
from budgets.plans.operations import (
    check_fits,
    checked_reason,
    locked,
    terms,
    terms_digest,
)
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


@transaction.atomic
def approve_budget(
    *,
    budget_id: int,
    actor: Actor,
    reason: str,
    at: datetime,
    expected_amount: Decimal | None = None,
    expected_digest: str | None = None,
) -> Budget:
    """Approves, funds the current period in full or refuses, and charges what was used in it so far.

    An approved budget of the same scope and unit is replaced from the current period on: its account stays, and the
    difference in amount is granted or given back. `expected_digest` is `terms_digest` of what the person saw, and
    `expected_amount` its amount alone (ChangedSinceSeen). FourEyes, RightRequired, WrongStatus, InsufficientFunds.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    check_status(budget, "approve", Budget.Status.SUBMITTED)
    rules.check_decider(actor, budget)
    stated_reason = checked_reason(reason)
    _check_seen_as_it_is(budget, expected_amount, expected_digest)
    check_fits(budget, at=at)
    put = put_in_force(budget, actor=actor, reason=stated_reason, at=at)
    record_shortfalls(put.opened, at=at)
    record_approval(budget, put, actor=actor, at=at)
    return budget


@dataclass(frozen=True, slots=True)
class InForce:
    """What an approval did: the terms it was given for, the budgets it replaced, and what opened with it."""

    proposed: Mapping[str, object]
    replaced: tuple[Budget, ...]
    opened: Opened


def put_in_force(budget: Budget, *, actor: Actor, reason: str, at: datetime) -> InForce:
    """Approves and funds; under the opening lock. Asks once more whether the actor may: whoever calls it moves money,
    and records it last.
    """
    user = rules.check_decider(actor, budget)
    proposed = terms(budget)
    replaced = _replace_former(budget, at=at)
    budget.status, budget.decided_by, budget.decided_at = Budget.Status.APPROVED, user, at
    budget.decision_reason = reason
    budget.supersedes = replaced[0] if replaced else None
    budget.save()
    for former in replaced:
        _take_over_accounts(budget, former, actor=actor, reason=reason, at=at)
    opened = open_missing(
        days=days_to_open(at),
        root_id=scope_tree().by_id[budget.scope_id].root_id,
        at=at,
        strict=budget,
        by=user,
        reason=reason,
    )
    mark_scopes_dirty(scope_ids=scopes_above_and_below([budget.scope_id]), at=at)
    return InForce(proposed, tuple(replaced), opened)


def record_approval(
    budget: Budget, put: InForce, *, actor: Actor, at: datetime, evidence: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Once `put_in_force` has done it, and last."""
    rules.check_decider(actor, budget)
    record_decision(
        actor=actor,
        action="budget.approve",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=budget.decision_reason,
        evidence={
            **put.proposed,
            "in_force_from": str(budget.covered_from),
            "supersedes": [former.pk for former in put.replaced],
            **evidence,
        },
        at=at,
    )


def _check_seen_as_it_is(budget: Budget, amount: Decimal | None, digest: str | None) -> None:
    if (amount is None or amount == budget.amount) and (digest is None or digest == terms_digest(budget)):
        return
    until = f" until {budget.ends_on}" if budget.ends_on else ""
    raise ChangedSinceSeen(
        f"The proposal has changed to {spoken(budget.unit, budget.amount, budget.currency)} since you looked, a"
        f" {budget.period}, for {budget.scope.path}, from {budget.starts_on}{until}. Look at it again, then decide."
    )


def _replace_former(budget: Budget, *, at: datetime) -> list[Budget]:
    """Moves the start to the current period, and ends there the approved budgets of the same scope and unit, which it
    returns.
    """
    budget.starts_on = max(budget.starts_on, budget.whole_period_on(at.date()).start)
    others = Budget.objects.overlapping(budget.starts_on, budget.ends_on).filter(scope=budget.scope, unit=budget.unit)
    for ended in others.filter(status=Budget.Status.ENDED):
        budget.starts_on = max(budget.starts_on, ended.ends_on or budget.starts_on)
    replaced = list(others.filter(status=Budget.Status.APPROVED).order_by("-starts_on"))
    for former in replaced:
        former.ends_on = max(budget.starts_on, former.starts_on)
        if former.ends_on <= at.date():
            former.status = Budget.Status.ENDED
        former.save(update_fields=["status", "ends_on"])
    return replaced


def _take_over_accounts(budget: Budget, former: Budget, *, actor: Actor, reason: str, at: datetime) -> None:
    difference = ledger_quantity(budget.unit, budget.amount - former.amount)
    accounts = Account.objects.filter(budget=former, period_start__gte=budget.starts_on).order_by("period_start")
    for account in accounts.select_related("parent__scope", "scope"):
        account.budget = budget
        account.save(update_fields=["budget"])
        change_funding(account, difference, budget=budget, actor=actor, reason=reason, reference="new version", at=at)
