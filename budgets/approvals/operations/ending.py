"""Ending a budget: at once where another above holds, else by two persons (ADR 49)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.models import EndProposal
from budgets.approvals.operations.lifecycle import check_status
from budgets.approvals.operations.second_person import settle
from budgets.approvals.queries import is_held_above
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
from budgets.plans.errors import ChangedSinceSeen, WrongStatus
from budgets.plans.models import Budget
from budgets.plans.operations import (
    checked_reason,
    digest_of,
    locked,
    terms,
    terms_digest,
)
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.operations import record_decision
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty

TIME_TO_COMPLETE = timedelta(days=7)


@transaction.atomic
def end_budget(
    *, budget_id: int, actor: Actor, reason: str, at: datetime, expected_digest: str | None = None
) -> Budget | EndProposal:
    """Ends an approved budget today: usage from today on is charged to the next budget above, and what is left is
    returned to it. Where none above is in force nothing ends, and the proposal that waits for a second person is
    returned; that person completes it by this, within `TIME_TO_COMPLETE`.

    `expected_digest` is `end_digest` of what the person saw (ChangedSinceSeen). WrongStatus, RightRequired,
    PersonRequired; FourEyes for who asked.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    check_status(budget, "end", Budget.Status.APPROVED)
    user = rules.check_person_with_right(actor, budget)
    stated_reason = checked_reason(reason)
    asked = waiting_end(budget, at=at)
    if expected_digest is not None and expected_digest != end_digest(budget, asked):
        raise ChangedSinceSeen(
            f"What is asked about the end of {budget.name!r} has changed since you looked: look again."
        )
    if is_held_above(budget, at=at):
        return _ended(budget, actor=actor, reason=stated_reason, at=at)
    if asked is None:
        return _propose(budget, user, actor=actor, reason=stated_reason, at=at)
    rules.check_not_who_asked(actor, asked.proposed_by_id)
    settle(asked, EndProposal.Status.MADE, user, stated_reason, at)
    return _ended(budget, actor=actor, reason=stated_reason, at=at, evidence=_told(asked) | {"asked_for": asked.reason})


@transaction.atomic
def withdraw_end(*, budget_id: int, actor: Actor, reason: str, at: datetime) -> EndProposal:
    """Withdraws the end that waits, by who asked for it or might complete it: the budget goes on. WrongStatus,
    RightRequired, PersonRequired, ReasonMissing.
    """
    budget = locked(budget_id, actor)
    user = rules.check_person_with_right(actor, budget)
    asked = waiting_end(budget, at=at)
    if asked is None:
        raise WrongStatus(f"Nobody has asked for the end of {budget.name!r}, or it was not completed in time.")
    settle(asked, EndProposal.Status.WITHDRAWN, user, checked_reason(reason), at)
    return _recorded("withdraw", asked, actor=actor, reason=asked.decision_reason, at=at)


def waiting_end(budget: Budget, *, at: datetime) -> EndProposal | None:
    """The budget's end that waits for a second person."""
    return EndProposal.objects.open_at(at).filter(budget=budget).select_related("proposed_by").first()


def end_digest(budget: Budget, asked: EndProposal | None) -> str:
    """64 hexadecimal digits that are others as soon as anything is that the end was shown with; those of the budget's
    terms where nobody has asked.
    """
    if asked is None:
        return terms_digest(budget)
    stated = {
        "end": asked.pk, "budget": terms_digest(budget), "reason": asked.reason, "proposed_by": asked.proposed_by_id,
        "expires_at": asked.expires_at.isoformat(),
    }  # fmt: skip
    return digest_of(stated)


def _propose(budget: Budget, user: User, *, actor: Actor, reason: str, at: datetime) -> EndProposal:
    for former in EndProposal.objects.waiting().filter(budget=budget):
        settle(former, EndProposal.Status.WITHDRAWN, user, f"Not completed before {former.expires_at:%Y-%m-%d}.", at)
    asked = EndProposal.objects.create(
        budget=budget, reason=reason, proposed_by=user, proposed_at=at, expires_at=at + TIME_TO_COMPLETE
    )
    return _recorded("propose", asked, actor=actor, reason=reason, at=at)


def _recorded(verb: str, asked: EndProposal, *, actor: Actor, reason: str, at: datetime) -> EndProposal:
    record_decision(
        actor=actor,
        action=f"budget.end_{verb}",
        scope=asked.budget.scope,
        subject=f"budget:{asked.budget_id}",
        reason=reason,
        evidence=terms(asked.budget) | _told(asked),
        at=at,
    )
    return asked


def _told(asked: EndProposal) -> dict[str, object]:
    return {
        "end": asked.pk, "proposed_by": asked.proposed_by.email, "expires_at": asked.expires_at.isoformat(),
    }  # fmt: skip


def _ended(
    budget: Budget, *, actor: Actor, reason: str, at: datetime, evidence: Mapping[str, object] = MappingProxyType({})
) -> Budget:
    budget.status, budget.ends_on = Budget.Status.ENDED, max(at.date(), budget.starts_on)
    budget.save(update_fields=["status", "ends_on"])
    returned = _close_accounts(budget, at=at)
    mark_scopes_dirty(scope_ids=scopes_above_and_below([budget.scope_id]), at=at)
    record_decision(
        actor=actor,
        action="budget.end",
        scope=budget.scope,
        subject=f"budget:{budget.pk}",
        reason=reason,
        evidence={**terms(budget), "returned": plain(budget_quantity(budget.unit, returned)), **evidence},
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
