"""The status of a budget: draft → submitted → approved | rejected | withdrawn; approved → ended."""

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from budgets.approvals import rules
from budgets.approvals.operations.grants import change_funding
from budgets.ledger.engine.charging import OpenAccount
from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Account
from budgets.ledger.operations import (
    balance_of,
    days_to_open,
    lock_for_opening,
    open_missing,
    rebook_usage,
    record_shortfalls,
    scopes_above_and_below,
    write_entries,
)
from budgets.ledger.queries import open_accounts
from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken
from budgets.plans.engine.periods import period_of
from budgets.plans.errors import ChangedSinceSeen, ProposalExists, WrongStatus
from budgets.plans.models import OPEN, Budget
from budgets.plans.operations import (
    check_fits,
    check_name,
    checked_reason,
    checked_values,
    default_name,
    locked,
    terms,
    terms_digest,
)
from governance.errors import RightRequired
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


@transaction.atomic
def create_budget(
    *,
    scope: Scope,
    amount: Decimal,
    actor: Actor,
    at: datetime,
    unit: str = Budget.Unit.MONEY,
    period: str = Budget.Period.MONTH,
    starts_on: date | None = None,
    ends_on: date | None = None,
    currency: str = "",
    name: str = "",
    note: str = "",
    source: str = "",
) -> Budget:
    """A draft. Without `starts_on` it starts with the current period; money is in the organisation's currency.

    NotFound for a scope not seen, ProposalExists, Invalid for terms that cannot be approved.
    """
    rules.check_seen(actor, scope)
    rules.check_somebody_answers(actor)
    values = checked_values(
        scope=scope,
        unit=unit,
        period=period,
        amount=amount,
        starts_on=starts_on,
        ends_on=ends_on,
        currency=currency,
        at=at,
    )
    if Budget.objects.filter(scope=scope, unit=unit, status__in=OPEN).exists():
        raise ProposalExists(f"A {unit} budget of {scope.path} is already proposed: withdraw it, or have it decided.")
    budget = Budget(
        name=name or default_name(scope, unit), scope=scope, note=note, source=source,
        created_by=actor.person, author_name=actor.stated_name, created_at=at,
    )  # fmt: skip
    for field, value in values.items():
        setattr(budget, field, value)
    check_name(budget, actor)
    try:
        with transaction.atomic():
            budget.save(force_insert=True)
    except IntegrityError as refused:
        if "budget_one_proposal" not in str(refused):
            raise
        raise ProposalExists(f"A {unit} budget of {scope.path} is already proposed.") from None
    record_decision(
        actor=actor,
        action="budget.create",
        scope=scope,
        subject=f"budget:{budget.pk}",
        reason=note,
        evidence=terms(budget),
        at=at,
    )
    return budget


@transaction.atomic
def submit_budget(*, budget_id: int, actor: Actor, at: datetime) -> Budget:
    """Submits a draft for decision. WrongStatus; Invalid when it does not fit the budgets around it."""
    budget = locked(budget_id, actor)
    _check_status(budget, "submit", Budget.Status.DRAFT)
    rules.check_somebody_answers(actor)
    check_fits(budget, at=at)
    budget.status, budget.submitted_by, budget.submitted_at = Budget.Status.SUBMITTED, actor.person, at
    budget.author_name = actor.stated_name or budget.author_name
    budget.save(update_fields=["status", "submitted_by", "submitted_at", "author_name"])
    record_decision(
        actor=actor,
        action="budget.submit",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=budget.note,
        evidence=terms(budget),
        at=at,
    )
    return budget


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
    _check_status(budget, "approve", Budget.Status.SUBMITTED)
    user = rules.check_decider(actor, budget)
    stated_reason = checked_reason(reason)
    _check_seen_as_it_is(budget, expected_amount, expected_digest)
    check_fits(budget, at=at)
    proposed = terms(budget)
    replaced = _replace_former(budget, at=at)
    budget.status, budget.decided_by, budget.decided_at = Budget.Status.APPROVED, user, at
    budget.decision_reason = stated_reason
    budget.supersedes = replaced[0] if replaced else None
    budget.save()
    for former in replaced:
        _take_over_accounts(budget, former, actor=actor, reason=stated_reason, at=at)
    opened = open_missing(
        days=days_to_open(at),
        root_id=scope_tree().by_id[budget.scope_id].root_id,
        at=at,
        strict=budget,
        by=user,
        reason=stated_reason,
    )
    mark_scopes_dirty(scope_ids=scopes_above_and_below([budget.scope_id]), at=at)
    record_shortfalls(opened, at=at)
    record_decision(
        actor=actor,
        action="budget.approve",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=stated_reason,
        evidence=proposed
        | {"in_force_from": str(budget.covered_from), "supersedes": [former.pk for former in replaced]},
        at=at,
    )
    return budget


@transaction.atomic
def reject_budget(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """Rejects a submitted budget. FourEyes, RightRequired, WrongStatus, ReasonMissing."""
    budget = locked(budget_id, actor)
    _check_status(budget, "reject", Budget.Status.SUBMITTED)
    user = rules.check_decider(actor, budget)
    budget.status, budget.decided_by, budget.decided_at = Budget.Status.REJECTED, user, at
    budget.decision_reason = checked_reason(reason)
    budget.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    record_decision(
        actor=actor,
        action="budget.reject",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=budget.decision_reason,
        evidence=terms(budget),
        at=at,
    )
    return budget


@transaction.atomic
def withdraw_budget(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """Withdraws a draft or a submitted budget, by its author or by who may decide. WrongStatus, RightRequired."""
    budget = locked(budget_id, actor)
    _check_status(budget, "withdraw", *OPEN)
    if not rules.may_withdraw(actor, budget):
        raise RightRequired(f"Only its author may withdraw the proposal {budget.name!r}.")
    stated_reason = checked_reason(reason)
    budget.status = Budget.Status.WITHDRAWN
    budget.save(update_fields=["status"])
    record_decision(
        actor=actor,
        action="budget.withdraw",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=stated_reason,
        evidence=terms(budget),
        at=at,
    )
    return budget


@transaction.atomic
def end_budget(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """Ends an approved budget today: usage from today on is charged to the next budget above, and what is left is
    returned to it. WrongStatus, RightRequired, PersonRequired.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    _check_status(budget, "end", Budget.Status.APPROVED)
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


def _check_seen_as_it_is(budget: Budget, amount: Decimal | None, digest: str | None) -> None:
    if (amount is None or amount == budget.amount) and (digest is None or digest == terms_digest(budget)):
        return
    until = f" until {budget.ends_on}" if budget.ends_on else ""
    raise ChangedSinceSeen(
        f"The proposal has changed to {spoken(budget.unit, budget.amount, budget.currency)} since you looked, a"
        f" {budget.period}, for {budget.scope.path}, from {budget.starts_on}{until}. Look at it again, then decide."
    )


def _check_status(budget: Budget, verb: str, *wanted: str) -> None:
    if budget.status not in wanted:
        raise WrongStatus(f"Cannot {verb} {budget.name!r}: it is {budget.status}, not {' or '.join(wanted)}.")


def _replace_former(budget: Budget, *, at: datetime) -> list[Budget]:
    """Moves the start to the current period, and ends there the approved budgets of the same scope and unit, which it
    returns.
    """
    budget.starts_on = max(budget.starts_on, period_of(budget.period, at.date()).start)
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
