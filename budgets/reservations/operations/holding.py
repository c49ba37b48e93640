"""Holding an amount: a root on the account that its calls will be charged to, a child on its parent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Account
from budgets.ledger.operations import accounts_for_posting, lock_balances, write_entries
from budgets.ledger.queries import ChargedAccounts
from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken
from budgets.plans.operations import check_amount
from budgets.reservations.engine import trees
from budgets.reservations.errors import ReservationDiffers, ReservationEnded, ReservationRefused
from budgets.reservations.models import Reservation
from budgets.reservations.operations.accounts import account_of, held_account
from budgets.reservations.operations.expiry import end_due_of
from budgets.reservations.operations.trees import locked
from budgets.reservations.operations.writing import write
from governance.errors import Invalid, NotFound
from governance.people.rules import Actor, check_sees
from governance.scopes.models import Scope

DEPTH_MAX = 10
EXPIRES_IN_MAX = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked for. `amount` is in the budget's unit. `covers_task`: for many calls, which draw it down, as is
    every lease.
    """

    unit: str
    amount: Decimal
    expires_in: timedelta
    kind: str = Reservation.Kind.HOLD
    parent_id: UUID | None = None
    covers_task: bool = False
    sized_by: str = Reservation.SizedBy.AMOUNT
    provider: str = ""
    model: str = ""
    task_id: str = ""


def hold(
    *, scope: Scope, terms: Terms, actor: Actor, at: datetime, reservation_id: UUID | None = None
) -> tuple[Reservation, bool]:
    """Holds the amount, and returns whether that is new: a reservation of the same id and terms is returned as it is.

    ReservationRefused, ReservationEnded (the parent), ReservationDiffers, Invalid.
    """
    check_sees(actor, scope.path)
    check_held_amount(terms.unit, terms.amount)
    check_expires_in(terms.expires_in)
    try:
        return _hold(scope, terms, actor, at, reservation_id)
    except IntegrityError:
        # Another request with the same id was quicker: its answer is this one's.
        known = _known(reservation_id, scope, terms, actor)
        if known is None:
            raise
        return known, False


@transaction.atomic
def _hold(
    scope: Scope, terms: Terms, actor: Actor, at: datetime, reservation_id: UUID | None
) -> tuple[Reservation, bool]:
    current = accounts_for_posting({at.date()}, at)
    known = _known(reservation_id, scope, terms, actor)
    if known is not None:
        return known, False
    row = Reservation(
        id=reservation_id or uuid4(), kind=terms.kind, scope=scope, unit=terms.unit,
        amount=ledger_quantity(terms.unit, terms.amount), sized_by=terms.sized_by,
        covers_task=terms.covers_task or terms.kind == Reservation.Kind.LEASE,
        provider=terms.provider, model=terms.model, task_id=terms.task_id, requested_by=actor.label,
        created_at=at, expires_at=at + terms.expires_in,
    )  # fmt: skip
    row.tree, row.asked = row.pk, row.amount
    if terms.parent_id is not None:
        _draw(row, terms.parent_id, current, actor, at)
        row.save(force_insert=True)
        return row, True
    row.account_id = account_of(current, scope_id=scope.pk, unit=terms.unit, at=at)
    if row.account_id is not None:
        check_available(row.account_id, row.amount, at)
        row.held = row.amount
    row.save(force_insert=True)
    if row.account_id is not None:
        where = held_account(current, root_id=current.tree.by_id[scope.pk].root_id, unit=terms.unit, at=at)
        entry = Entry("hold", where, row.account_id, row.amount)
        write_entries([entry], on=at.date(), at=at, reference=reference_of(row))
    return row, True


def check_available(account_id: int, quantity: Decimal, at: datetime) -> None:
    """Locks the account, and raises ReservationRefused unless so much is available; what should have expired is no
    reason. Call under the lock of posting.
    """
    account = account_locked(account_id, quantity, at)
    if account.available < quantity:
        raise _refused_by_account(account, quantity)


def account_locked(account_id: int, quantity: Decimal, at: datetime) -> Account:
    """The account, locked; where it has less than is wanted, what should have expired has been ended first."""
    if Account.objects.get(pk=account_id).available < quantity:
        end_due_of(account_id, at=at)
    lock_balances({account_id})
    return Account.objects.select_related("scope", "budget").get(pk=account_id)


def check_expires_in(expires_in: timedelta) -> None:
    """Invalid unless it is within seven days."""
    if not timedelta(0) < expires_in <= EXPIRES_IN_MAX:
        raise Invalid("A reservation expires within seven days.", code="expires_in_out_of_range")


def check_held_amount(unit: str, amount: Decimal) -> None:
    """As `check_amount`, of what is not a budget."""
    check_amount(unit, amount, called="An amount", counted="An amount")


def reference_of(row: Reservation) -> str:
    """By which the ledger names a reservation."""
    return f"reservation:{row.tree}"


def _known(reservation_id: UUID | None, scope: Scope, terms: Terms, actor: Actor) -> Reservation | None:
    if reservation_id is None:
        return None
    row = Reservation.objects.select_related("scope", "account__scope").filter(pk=reservation_id).first()
    if row is None:
        return None
    asked = (terms.kind, scope.pk, terms.unit, terms.parent_id, terms.task_id, actor.label)
    is_same = asked == (row.kind, row.scope_id, row.unit, row.parent_id, row.task_id, row.requested_by)
    # Sized anew, it may come to another amount.
    is_stated = terms.sized_by == Reservation.SizedBy.AMOUNT
    if not is_same or (is_stated and row.asked != ledger_quantity(terms.unit, terms.amount)):
        raise ReservationDiffers("Another reservation has this id: choose a new one.")
    return row


def _draw(row: Reservation, parent_id: UUID, current: ChargedAccounts, actor: Actor, at: datetime) -> None:
    """Takes the row's amount out of its parent."""
    above = reservation_seen(parent_id, actor)
    trees_now = locked({above.tree}, rows={parent_id})
    parent = trees_now.rows[parent_id]
    if parent.unit != row.unit:
        raise Invalid(f"The parent is held in {parent.unit}: a part of it is, too.", code="unit_differs")
    check_open(parent, at)
    if parent.is_lease:
        raise Invalid("A lease is drawn down by who holds it: nothing is held of it.", code="parent_is_a_lease")
    if len(parent.lineage) + 1 >= DEPTH_MAX:
        raise Invalid(f"A tree of reservations has at most {DEPTH_MAX} levels.", code="tree_too_deep")
    if trees.free(parent) < row.amount:
        trees_now = locked({above.tree}, rows={parent_id}, whole=True)
        for due in sorted(trees_now.rows.values(), key=lambda each: (-len(each.lineage), each.pk)):
            if due.is_open and due.expires_at <= at and parent_id in due.lineage:
                trees_now.end(due, Reservation.Status.EXPIRED, Reservation.EndedBy.CLOCK, at)
        parent = trees_now.rows[parent_id]
    check_free(parent, row.amount)
    trees.draw(parent, row.amount)
    parent.covers_task = True
    trees_now.touched.add(parent.pk)
    if trees_now.charged:
        write(trees_now, current, at=at, reference=reference_of(parent))
    else:
        trees_now.save()
    row.parent, row.tree, row.lineage = parent, parent.tree, [*parent.lineage, parent.pk]
    row.account_id, row.expires_at = parent.account_id, min(row.expires_at, parent.expires_at)


def reservation_seen(reservation_id: UUID, actor: Actor) -> Reservation:
    """The reservation as it was, not locked; NotFound for one that the actor may not see, as for one that is not there,
    by as many statements.
    """
    row = Reservation.objects.select_related("scope").filter(pk=reservation_id).first()
    is_seen = actor.sees(row.scope.path if row is not None else "")
    if row is None or not is_seen:
        raise NotFound("There is no such reservation among those you may see.", code="reservation_unknown")
    return row


def check_open(row: Reservation, at: datetime) -> None:
    """ReservationEnded unless it is open and its time is not over."""
    if not row.is_open or row.expires_at <= at:
        status = row.status if not row.is_open else Reservation.Status.EXPIRED
        raise ReservationEnded(f"The reservation {row.pk} is {status}.", reservation=str(row.pk), state=status)


def check_free(parent: Reservation, quantity: Decimal) -> None:
    """ReservationRefused unless so much of the parent is free."""
    left = trees.free(parent)
    if left >= quantity:
        return
    stated = {name: parent.in_unit(value) for name, value in (("left", left), ("asked", quantity))}
    raise ReservationRefused(
        f"The reservation {parent.pk} has {spoken(parent.unit, stated['left'])} left of"
        f" {spoken(parent.unit, parent.in_unit(parent.amount))}; {spoken(parent.unit, stated['asked'])} is asked for.",
        parent=str(parent.pk), unit=parent.unit, left=plain(stated["left"]),
        fits=plain(max(stated["left"], Decimal(0))), resets_at=parent.expires_at.isoformat(),
    )  # fmt: skip


def _refused_by_account(account: Account, quantity: Decimal) -> ReservationRefused:
    unit, currency = account.unit, account.budget.currency if account.budget is not None else ""
    left, asked = budget_quantity(unit, account.available), budget_quantity(unit, quantity)
    named: dict[str, Any] = {
        "id": account.pk, "scope": account.scope.path, "budget": account.budget.name if account.budget else "",
        "unit": unit, "currency": currency, "period_start": str(account.period_start),
        "period_end": str(account.period_end), "held": plain(budget_quantity(unit, account.held)),
    }  # fmt: skip
    return ReservationRefused(
        f"{account.scope.path} has {spoken(unit, left, currency)} left until {account.period_end};"
        f" {spoken(unit, asked, currency)} is asked for.",
        account=named, unit=unit, left=plain(left), fits=plain(max(left, Decimal(0))),
        resets_at=account.interval.ends_at.isoformat(),
    )  # fmt: skip
