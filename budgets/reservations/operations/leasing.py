"""Leases: a large hold that its holder draws down by itself, tells of from time to time, and gives back."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from budgets.plans.engine.amounts import ledger_quantity
from budgets.reservations.engine import trees
from budgets.reservations.models import Reservation
from budgets.reservations.operations.ending import hold_for, locked_for, settle
from budgets.reservations.operations.holding import (
    account_locked,
    check_held_amount,
    check_open,
    reference_of,
    reservation_seen,
)
from budgets.reservations.operations.trees import LockedTrees
from budgets.reservations.operations.writing import write
from governance.errors import NotFound
from governance.people.rules import Actor

ZERO = Decimal(0)


@transaction.atomic
def renew_lease(
    *, lease_id: UUID, drawn: Decimal, capacity: Decimal | None, expires_in: timedelta, actor: Actor, at: datetime
) -> Reservation:
    """Its holder tells that `drawn` is gone in all, and gets `capacity` to draw from now on, as far as there is money;
    None: as much as it was leased with. What it holds beyond that is given back. It lasts `expires_in` from now, and no
    shorter than it did. Amounts are in the budget's unit.

    What was told before stands where it was more: of two tellings that overtake each other the later is the larger.
    NotFound, ReservationEnded, Invalid.
    """
    current, now, row = locked_for(lease_id, actor, at)
    _check_lease(row)
    check_open(row, at)
    if drawn != ZERO:
        check_held_amount(row.unit, drawn)
    if capacity is not None:
        check_held_amount(row.unit, capacity)
    row.drawn_told = max(row.drawn_told, ledger_quantity(row.unit, drawn))
    wanted = row.gone + (row.asked if capacity is None else ledger_quantity(row.unit, capacity))
    if is_more := wanted > row.amount:
        wanted = max(row.amount, min(wanted, _at_most(row, now, wanted, at)))
    now.resize(row, wanted)
    hold_for(row, now, expires_in, at)
    write(now, current, at=at, reference=reference_of(row), more=is_more and row.parent_id is None)
    return row


def return_lease(*, lease_id: UUID, drawn: Decimal | None, actor: Actor, at: datetime) -> Reservation:
    """Gives back what was not drawn. What was drawn in all, in the budget's unit, and no usage has told of yet is
    charged now, until usage that names the lease does; None: as was told last. One whose time is over may still be
    told of. NotFound, ReservationEnded, Invalid.
    """
    _check_lease(reservation_seen(lease_id, actor))
    return settle(reservation_id=lease_id, amount=drawn, actor=actor, at=at)


def _at_most(row: Reservation, now: LockedTrees, wanted: Decimal, at: datetime) -> Decimal:
    """The amount that its parent, or its account, has the money for; what is wanted where no budget limits it."""
    if row.parent_id is not None:
        return trees.taken(row) + trees.free(now.rows[row.lineage[-1]])
    if row.account_id is None:
        return wanted
    backed: Decimal = row.spent + row.held
    return backed + account_locked(row.account_id, wanted - backed, at).available


def _check_lease(row: Reservation) -> None:
    if not row.is_lease:
        raise NotFound("There is no such lease among those you may see.", code="lease_unknown")
