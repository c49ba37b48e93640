"""The status of a budget: draft → submitted → approved | rejected | withdrawn; approved → ended."""

from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from budgets.approvals import rules
from budgets.plans.errors import ProposalExists, WrongStatus
from budgets.plans.models import OPEN, Budget
from budgets.plans.operations import (
    check_fits,
    check_name,
    checked_reason,
    checked_values,
    default_name,
    locked,
    terms,
)
from governance.errors import RightRequired
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.models import Scope


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
    carry_over: str = Budget.CarryOver.NONE,
    carry_over_max: Decimal | None = None,
) -> Budget:
    """A draft. Without `starts_on` it starts with the current period; money is in the organisation's currency.

    NotFound for a scope not seen, ProposalExists, Invalid for terms that cannot be approved.
    """
    rules.check_seen(actor, scope)
    rules.check_somebody_answers(actor)
    values = checked_values(
        scope=scope, unit=unit, period=period, amount=amount, starts_on=starts_on, ends_on=ends_on, currency=currency,
        at=at, carry_over=carry_over, carry_over_max=carry_over_max,
    )  # fmt: skip
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
    check_status(budget, "submit", Budget.Status.DRAFT)
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
def reject_budget(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> Budget:
    """Rejects a submitted budget. FourEyes, RightRequired, WrongStatus, ReasonMissing."""
    budget = locked(budget_id, actor)
    check_status(budget, "reject", Budget.Status.SUBMITTED)
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
    check_status(budget, "withdraw", *OPEN)
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


def check_status(budget: Budget, verb: str, *wanted: str) -> None:
    """WrongStatus unless it has one of these."""
    if budget.status not in wanted:
        raise WrongStatus(f"Cannot {verb} {budget.name!r}: it is {budget.status}, not {' or '.join(wanted)}.")
