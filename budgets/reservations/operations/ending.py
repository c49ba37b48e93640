"""What a caller does with a reservation that stands: settle it, extend it, give it back. Each may be said again."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from budgets.ledger.operations import accounts_for_posting
from budgets.ledger.queries import ChargedAccounts
from budgets.plans.engine.amounts import ledger_quantity
from budgets.reservations.errors import ReservationEnded
from budgets.reservations.models import Reservation
from budgets.reservations.operations.holding import (
    check_available,
    check_expires_in,
    check_free,
    check_held_amount,
    check_open,
    reference_of,
    reservation_seen,
)
from budgets.reservations.operations.trees import LockedTrees, locked
from budgets.reservations.operations.writing import write
from governance.errors import Invalid
from governance.people.rules import Actor

ZERO = Decimal(0)


@transaction.atomic
def settle(*, reservation_id: UUID, amount: Decimal | None, actor: Actor, at: datetime) -> Reservation:
    """What it cost in all, with all below it, in the budget's unit: more or less than was held; None: what usage has
    told of. What usage has not told of yet is charged now, and no second time when usage that names it does. What is
    open below it is settled with what it used, or released.

    One that usage or its parent has settled is returned as it is. Late, after it expired, it is charged all the same.
    ReservationEnded when it was released, or settled with another amount.
    """
    current, now, row = locked_for(reservation_id, actor, at)
    if amount is not None and amount != 0:
        check_held_amount(row.unit, amount)
    total = None if amount is None else ledger_quantity(row.unit, amount)
    if row.status == Reservation.Status.RELEASED:
        raise _ended(row)
    if row.status == Reservation.Status.SETTLED:
        if row.settled_with is not None and total is not None and total != row.settled_with:
            raise _ended(row)
        return row
    if row.is_open:
        for below in now.open_below(row):
            now.end(below, _status_of(below), Reservation.EndedBy.PARENT, at)
    now.charge(row, (total or ZERO) - row.spent)
    row.settled_with = total
    now.end(row, Reservation.Status.SETTLED, Reservation.EndedBy.CALLER, at)
    write(now, current, at=at, reference=reference_of(row))
    return row


@transaction.atomic
def release(*, reservation_id: UUID, actor: Actor, at: datetime) -> Reservation:
    """Gives back what is left of it, and of all below it; one that has ended is returned as it is."""
    current, now, row = locked_for(reservation_id, actor, at)
    if not row.is_open:
        return row
    now.end(row, Reservation.Status.RELEASED, Reservation.EndedBy.CALLER, at)
    write(now, current, at=at, reference=reference_of(row))
    return row


@transaction.atomic
def extend(
    *, reservation_id: UUID, expires_in: timedelta | None, amount: Decimal | None, actor: Actor, at: datetime
) -> Reservation:
    """Holds it for `expires_in` from now, no longer than its parent, and `amount` in all, in the budget's unit, not
    less than before. ReservationEnded, ReservationRefused, Invalid.
    """
    current, now, row = locked_for(reservation_id, actor, at)
    check_open(row, at)
    if expires_in is not None:
        hold_for(row, now, expires_in, at)
    if amount is not None:
        check_held_amount(row.unit, amount)
        wanted = ledger_quantity(row.unit, amount)
        if wanted < row.amount:
            raise Invalid("What is held is not lowered: settle or release it.", code="amount_below_held")
        if row.parent_id is not None:
            check_free(now.rows[row.lineage[-1]], wanted - row.amount)
        elif row.account_id is not None:
            check_available(row.account_id, max(wanted - row.spent - row.held, ZERO), at)
        now.resize(row, wanted)
    write(now, current, at=at, reference=reference_of(row), more=amount is not None and row.parent_id is None)
    return row


def hold_for(row: Reservation, now: LockedTrees, expires_in: timedelta, at: datetime) -> None:
    """It lasts so long from now, no longer than its parent and no shorter than it did. Invalid."""
    check_expires_in(expires_in)
    until = max(at + expires_in, row.expires_at)
    row.expires_at = until if row.parent_id is None else min(until, now.rows[row.lineage[-1]].expires_at)
    now.touched.add(row.pk)


def locked_for(reservation_id: UUID, actor: Actor, at: datetime) -> tuple[ChargedAccounts, LockedTrees, Reservation]:
    """The reservation, its tree locked, and what is charged now. NotFound."""
    current = accounts_for_posting({at.date()}, at)
    known = reservation_seen(reservation_id, actor)
    now = locked({known.tree}, rows={reservation_id}, whole=True)
    return current, now, now.rows[reservation_id]


def _status_of(row: Reservation) -> str:
    return Reservation.Status.SETTLED if row.gone > 0 else Reservation.Status.RELEASED


def _ended(row: Reservation) -> ReservationEnded:
    return ReservationEnded(f"The reservation {row.pk} is {row.status}.", reservation=str(row.pk), state=row.status)
