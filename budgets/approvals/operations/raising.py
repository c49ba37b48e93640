"""More, as somebody asked for it and another person approves: for a period a grant, for longer a new version of the
budget. Who asked is the first of the two persons of ADR 47, whoever they are; who approves is the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from budgets.approvals import rules
from budgets.approvals.operations.approving import InForce, put_in_force, record_approval
from budgets.approvals.operations.grants import moved, opened_now
from budgets.ledger.models import Account
from budgets.ledger.operations import lock_for_opening, record_shortfalls
from budgets.plans.engine.periods import period_of
from budgets.plans.models import Budget
from budgets.plans.operations import (
    check_amount,
    check_fits,
    check_name,
    checked_reason,
    checked_values,
    default_name,
    locked,
    year_start_of,
)
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, by whom and when; `note` says why, and `evidence` stands in the record."""

    asked_by: User
    asked_at: datetime
    note: str
    source: str
    evidence: Mapping[str, object]


@transaction.atomic
def grant_as_asked(*, budget_id: int, amount: Decimal, wish: Wish, actor: Actor, reason: str, at: datetime) -> Account:
    """Grants `amount`, in the budget's unit, for the current period from the account above, however much it raises the
    budget: two persons have agreed. FourEyes, RightRequired, NotInForce, InsufficientFunds; Invalid for the amount.
    """
    lock_for_opening()
    budget = locked(budget_id, actor)
    rules.check_second_person(actor, budget, wish.asked_by.pk)
    stated_reason = checked_reason(reason)
    check_amount(budget.unit, amount)
    account, opened = opened_now(budget, at)
    return moved(budget, account, opened, amount, actor=actor, reason=stated_reason, at=at, evidence=wish.evidence)


@transaction.atomic
def raise_as_asked(
    *, scope: Scope, unit: str, period: str, amount: Decimal, starts_on: date, ends_on: date | None, wish: Wish,
    actor: Actor, reason: str, at: datetime,
) -> Budget:  # fmt: skip
    """A new version of the scope's budget with `amount` more in each period of [starts_on, ends_on); after it the
    former amount again. Where none is in force on `starts_on` the amount is that of a new budget. What is in force
    later by an approval of its own stays so. Funds the current period in full or refuses.

    FourEyes, RightRequired, InsufficientFunds; Invalid for terms that cannot be approved.
    """
    lock_for_opening()
    day = max(starts_on, at.date())
    former = Budget.objects.in_force(day).filter(scope=scope, unit=unit, status=Budget.Status.APPROVED).first()
    if former is not None:
        rules.check_second_person(actor, former, wish.asked_by.pk)
    stated_reason = checked_reason(reason)
    kind = former.period if former is not None else period
    year_starts = former.year_starts if former is not None else year_start_of(scope)
    start = max(starts_on, period_of(kind, at.date(), year_starts).start)
    end = _earlier(ends_on, former.ends_on if former is not None else _next_start(scope, unit, day))
    more = _version(scope, unit, kind, former, amount, (start, end), wish, at)
    versions = [more]
    if former is not None and end is not None and end != former.ends_on:
        # First, so that accounts opened for days after the end become this one's.
        versions.insert(0, _version(scope, unit, kind, former, Decimal(0), (end, former.ends_on), wish, at))
    done: list[tuple[Budget, InForce]] = []
    for version in versions:
        check_name(version, actor)
        check_fits(version, at=at)
        done.append((version, put_in_force(version, actor=actor, reason=stated_reason, at=at)))
    for _version_made, put in done:
        record_shortfalls(put.opened, at=at)
    for version, put in done:
        record_approval(version, put, actor=actor, at=at, evidence=wish.evidence)
    return more


def _version(
    scope: Scope, unit: str, period: str, former: Budget | None, more: Decimal, days: tuple[date, date | None],
    wish: Wish, at: datetime,
) -> Budget:  # fmt: skip
    values = checked_values(
        scope=scope, unit=unit, period=period, amount=more + (former.amount if former is not None else 0),
        starts_on=days[0], ends_on=days[1], currency="", at=at,
        carry_over=former.carry_over if former is not None else Budget.CarryOver.NONE,
        carry_over_max=former.carry_over_max if former is not None else None,
    )  # fmt: skip
    name = former.name if former is not None else default_name(scope, unit)
    return Budget(
        name=name, scope=scope, note=wish.note, source=wish.source, created_by=wish.asked_by, created_at=wish.asked_at,
        submitted_by=wish.asked_by, submitted_at=wish.asked_at, **values,
    )  # fmt: skip


def _earlier(first: date | None, second: date | None) -> date | None:
    ends = [day for day in (first, second) if day is not None]
    return min(ends, default=None)


def _next_start(scope: Scope, unit: str, day: date) -> date | None:
    """When a budget that is approved for later days starts."""
    later = Budget.objects.filter(scope=scope, unit=unit, status=Budget.Status.APPROVED, starts_on__gt=day)
    return later.order_by("starts_on").values_list("starts_on", flat=True).first()
