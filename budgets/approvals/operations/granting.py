"""Granting more: at once where one person may, else a proposal that a second one decides on (ADR 47)."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.models import GrantProposal
from budgets.approvals.operations.grants import moved, opened_now
from budgets.approvals.operations.second_person import settle
from budgets.ledger.models import Account
from budgets.ledger.operations import lock_for_opening, record_shortfalls
from budgets.plans.engine.amounts import budget_quantity, plain
from budgets.plans.errors import ChangedSinceSeen, NotInForce, ProposalExists, WrongStatus
from budgets.plans.models import Budget
from budgets.plans.operations import check_amount, checked_reason, digest_of, locked, terms_digest
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision


@transaction.atomic
def grant_more(*, budget_id: int, amount: Decimal, actor: Actor, reason: str, at: datetime) -> Account | GrantProposal:
    """Grants `amount`, in the budget's unit, for the current period only, from the account above. Where that needs a
    second person, nothing moves, and the proposal that waits for one is returned.

    Not by the budget's own author. FourEyes, RightRequired, NotInForce, InsufficientFunds, ProposalExists; Invalid for
    the amount.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    user = rules.check_decider(actor, budget)
    stated_reason = checked_reason(reason)
    check_amount(budget.unit, amount)
    account, opened = opened_now(budget, at)
    if needs_second_person(budget, account, amount):
        record_shortfalls(opened, at=at)
        return _propose(budget, account, amount, user, actor=actor, reason=stated_reason, at=at)
    return moved(budget, account, opened, amount, actor=actor, reason=stated_reason, at=at)


def needs_second_person(budget: Budget, account: Account, amount: Decimal) -> bool:
    """Whether a grant raises a ceiling: that of a top budget, whose money comes from nowhere, or one that the grants of
    this period together raise by more than the share of its amount that one person may.
    """
    parent = account.parent
    if parent is None or parent.kind == Account.Kind.SOURCE or not settings.GRANT_ALONE_PERCENT:
        return True
    raised = budget_quantity(budget.unit, account.funded) + amount - budget.amount
    return raised > budget.amount * settings.GRANT_ALONE_PERCENT / 100


def waiting_grant(budget: Budget) -> GrantProposal | None:
    """The budget's grant that waits for a second person."""
    return GrantProposal.objects.waiting().filter(budget=budget).first()


def grant_digest(grant: GrantProposal) -> str:
    """64 hexadecimal digits that are others as soon as anything is that the grant was shown with."""
    stated = {
        "grant": grant.pk, "budget": terms_digest(grant.budget), "amount": plain(grant.amount), "reason": grant.reason,
        "period": [str(grant.period_start), str(grant.period_end)], "proposed_by": grant.proposed_by_id,
    }  # fmt: skip
    return digest_of(stated)


@transaction.atomic
def approve_grant(
    *, budget_id: int, actor: Actor, reason: str, at: datetime, expected_digest: str | None = None
) -> Account:
    """Makes the grant that waits: by a person with the right who neither asked for it nor proposed the budget.

    `expected_digest` is `grant_digest` of what the person saw (ChangedSinceSeen). WrongStatus when none waits,
    NotInForce when its period is over; else as `grant_more`.
    """
    lock_for_opening()
    budget, grant, user = _waiting(budget_id, actor)
    rules.check_second_person(actor, budget, grant.proposed_by_id)
    stated_reason = checked_reason(reason)
    if expected_digest is not None and expected_digest != grant_digest(grant):
        raise ChangedSinceSeen(f"The grant to {budget.name!r} has changed since you looked: look again.")
    account, opened = opened_now(budget, at)
    if account.period_start != grant.period_start:
        raise NotInForce(
            f"The grant was asked for the period from {grant.period_start}, which is over: reject it, and ask again."
        )
    settle(grant, GrantProposal.Status.MADE, user, stated_reason, at)
    evidence = {"grant": grant.pk, "proposed_by": grant.proposed_by.email, "asked_for": grant.reason}
    return moved(budget, account, opened, grant.amount, actor=actor, reason=stated_reason, at=at, evidence=evidence)


@transaction.atomic
def reject_grant(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> GrantProposal:
    """Rejects the grant that waits, by who might approve it. WrongStatus, FourEyes, RightRequired, ReasonMissing."""
    budget, grant, user = _waiting(budget_id, actor)
    rules.check_second_person(actor, budget, grant.proposed_by_id)
    settle(grant, GrantProposal.Status.REJECTED, user, checked_reason(reason), at)
    return _recorded("reject", budget, grant, actor=actor, reason=grant.decision_reason, at=at)


@transaction.atomic
def withdraw_grant(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> GrantProposal:
    """Withdraws the grant that waits, by who asked for it or may decide. WrongStatus, RightRequired, ReasonMissing."""
    budget, grant, user = _waiting(budget_id, actor)
    settle(grant, GrantProposal.Status.WITHDRAWN, user, checked_reason(reason), at)
    return _recorded("withdraw", budget, grant, actor=actor, reason=grant.decision_reason, at=at)


def _propose(
    budget: Budget, account: Account, amount: Decimal, user: User, *, actor: Actor, reason: str, at: datetime
) -> GrantProposal:
    if waiting_grant(budget) is not None:
        raise ProposalExists(f"A grant to {budget.name!r} waits already: have it decided, or withdraw it.")
    assert account.period_start is not None and account.period_end is not None  # noqa: PT018, S101  # a budget's account
    grant = GrantProposal.objects.create(
        budget=budget, amount=amount, period_start=account.period_start, period_end=account.period_end,
        reason=reason, proposed_by=user, proposed_at=at,
    )  # fmt: skip
    return _recorded("propose", budget, grant, actor=actor, reason=reason, at=at)


def _waiting(budget_id: int, actor: Actor) -> tuple[Budget, GrantProposal, User]:
    """The budget, its grant that waits, and the actor's person, who may decide on money of it: whether one waits is
    nobody else's to learn.
    """
    budget = locked(budget_id, actor)
    user = rules.check_decider(actor, budget)
    grant = waiting_grant(budget)
    if grant is None:
        raise WrongStatus(f"No grant to {budget.name!r} waits for a decision.")
    return budget, grant, user


def _recorded(
    verb: str, budget: Budget, grant: GrantProposal, *, actor: Actor, reason: str, at: datetime
) -> GrantProposal:
    record_decision(
        actor=actor,
        action=f"budget.grant_{verb}",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=reason,
        evidence={
            "grant": grant.pk,
            "amount": plain(grant.amount),
            "unit": budget.unit,
            "period_start": str(grant.period_start),
            "period_end": str(grant.period_end),
            "proposed_by": grant.proposed_by.email,
        },
        at=at,
    )
    return grant
