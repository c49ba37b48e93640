"""Leases: drawn down by their holder, told of now and then, topped up, given back, or gone without a word."""

from datetime import timedelta
from decimal import Decimal

import pytest

from budgets.reservations.errors import ReservationEnded, ReservationRefused
from budgets.reservations.models import Reservation
from budgets.reservations.operations import expire_reservations, release, renew_lease, return_lease
from governance.errors import Invalid, NotFound
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose
from tests.budgets.reservations.held import balances, check_ledger, held, leased, money, told

LATER = AT + timedelta(minutes=20)


def renewed(lease: Reservation, drawn: str, capacity: str | None = None, *, seconds: int = 600) -> Reservation:
    return renew_lease(
        lease_id=lease.pk, drawn=Decimal(drawn), capacity=Decimal(capacity) if capacity else None,
        expires_in=timedelta(seconds=seconds), actor=SYSTEM, at=AT,
    )  # fmt: skip


def returned(lease: Reservation, drawn: str | None, *, at: object = AT) -> Reservation:
    amount = Decimal(drawn) if drawn is not None else None
    return return_lease(lease_id=lease.pk, drawn=amount, actor=SYSTEM, at=at)  # type: ignore[arg-type]  # AT or later


def test_renewed_it_tells_what_was_drawn_and_is_topped_up(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease = leased(search, "4")
    told(lease, "1")

    row = renewed(lease, "3")

    # 3 are drawn, of which usage has told of 1; as much as at first is there to draw.
    assert (row.amount, row.spent, row.gone, row.safe_capacity) == money("7", "1", "3", "4")
    assert balances(search) == money("1", "6", "3")
    check_ledger()


def test_it_gets_what_there_is_and_is_refused_nothing(search: Scope, approve: Propose) -> None:
    approve(search, "5")
    lease = leased(search, "4")
    assert renewed(lease, "3").safe_capacity == Decimal(2)
    assert renewed(lease, "5").safe_capacity == Decimal(0)
    # A telling that comes late takes nothing back.
    assert renewed(lease, "1").gone == Decimal(5)
    with pytest.raises(ReservationRefused):
        leased(search, "1")
    check_ledger()


def test_what_it_needs_no_more_is_given_back_at_once(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease = leased(search, "8")
    assert renewed(lease, "1", "2").safe_capacity == Decimal(2)
    assert balances(search) == money("0", "3", "7")


def test_who_drew_more_than_was_leased_gets_the_rest_of_what_there_is(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease = leased(search, "4")
    row = renewed(lease, "6", "3")
    assert (row.amount, row.safe_capacity) == money("9", "3")
    assert renewed(lease, "12").safe_capacity == Decimal(0)
    assert returned(lease, "12").spent == Decimal(12)
    assert balances(search) == money("12", "0", "-2")
    check_ledger()


def test_given_back_what_was_drawn_is_charged_and_usage_that_names_it_counts_once(
    search: Scope, approve: Propose
) -> None:
    approve(search, "10")
    lease = leased(search, "8")
    told(lease, "1")
    assert returned(lease, "3").status == "settled"
    assert balances(search) == money("3", "0", "7")
    told(lease, "2")
    assert balances(search) == money("3", "0", "7")
    assert returned(lease, "3").spent == Decimal(3)
    with pytest.raises(ReservationEnded):
        returned(lease, "4")
    check_ledger()


def test_one_that_vanishes_ends_as_what_was_told_so_far(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    silent, lease = leased(search, "1"), leased(search, "6")
    told(lease, "1")
    renewed(lease, "2")

    assert balances(search) == money("1", "8", "1")
    assert expire_reservations(at=LATER) == 2

    lease.refresh_from_db()
    silent.refresh_from_db()
    assert (lease.status, lease.ended_by, lease.spent, lease.stated) == ("expired", "clock", *money("2", "1"))
    assert (silent.status, silent.spent) == ("expired", Decimal(0))
    assert balances(search) == money("2", "0", "8")
    # It comes back, and tells the rest.
    told(lease, "1", at=LATER)
    assert returned(lease, "5", at=LATER).spent == Decimal(5)
    assert balances(search) == money("5", "0", "5")
    check_ledger()


def test_released_by_somebody_else_it_has_used_what_it_told(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease = leased(search, "6")
    renewed(lease, "2")
    assert release(reservation_id=lease.pk, actor=SYSTEM, at=AT).status == "released"
    assert balances(search) == money("2", "0", "8")
    check_ledger()


def test_of_a_reservation_it_takes_what_that_has_and_ends_with_it(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "5", seconds=900)
    lease = leased(search, "3", parent=root, seconds=60)
    held(search, "1", parent=root)
    assert renewed(lease, "2").safe_capacity == Decimal(2)
    assert renewed(lease, "2").expires_at == AT + timedelta(seconds=600)
    # Who asks next finds that it has vanished, and that it used what it told.
    again = held(search, "2.5", parent=root, at=AT + timedelta(seconds=700))
    lease.refresh_from_db()
    root.refresh_from_db()
    assert (lease.status, lease.spent, root.spent, root.drawn) == ("expired", *money("2", "2", "4.5"))
    assert again.account_id == root.account_id
    assert balances(search) == money("2", "3", "5")
    check_ledger()


def test_without_a_budget_it_gets_what_it_asks_for(search: Scope) -> None:
    lease = leased(search, "3")
    assert renewed(lease, "2", "50").safe_capacity == Decimal(50)
    assert returned(lease, None).spent == Decimal(2)


def test_nothing_is_held_of_a_lease_and_a_hold_is_none(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease, hold = leased(search, "3"), held(search, "1")
    with pytest.raises(Invalid, match="drawn down by who holds it"):
        held(search, "1", parent=lease)
    for tell in (renewed, returned):
        with pytest.raises(NotFound):
            tell(hold, "1")
    with pytest.raises(Invalid):
        renewed(lease, "0.0000000001")
    with pytest.raises(Invalid):
        renewed(lease, "0", seconds=8 * 24 * 3600)
    assert balances(search) == money("0", "4", "6")
