"""Settled, extended, given back: each by the ledger, each as often as one likes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budgets.ledger.models import Transfer
from budgets.reservations.errors import ReservationEnded, ReservationRefused
from budgets.reservations.models import Reservation
from budgets.reservations.operations import expire_reservations, extend, release, settle
from governance.errors import Invalid, NotFound
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, person
from tests.budgets.reservations.held import balances, check_ledger, held, money, told

LATER = AT + timedelta(minutes=5)


def settled(row: Reservation, amount: str | None, *, at: datetime = AT) -> Reservation:
    total = None if amount is None else Decimal(amount)
    return settle(reservation_id=row.pk, amount=total, actor=SYSTEM, at=at)


def released(row: Reservation) -> Reservation:
    return release(reservation_id=row.pk, actor=SYSTEM, at=AT)


@pytest.mark.parametrize(
    ("cost", "spent", "available"), [("4", "4", "6"), ("2.5", "2.5", "7.5"), ("0", "0", "10"), ("11", "11", "-1")]
)
def test_a_hold_is_replaced_by_what_it_cost_more_or_less(
    search: Scope, approve: Propose, cost: str, spent: str, available: str
) -> None:
    approve(search, "10")
    row = settled(held(search, "4"), cost)
    assert (row.status, row.ended_by, row.spent, row.held) == ("settled", "caller", Decimal(spent), Decimal(0))
    assert balances(search) == money(spent, "0", available)
    check_ledger()


def test_settled_again_with_the_same_is_one_settlement(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    settled(row, "3")
    assert settled(row, "3").ended_at == AT
    assert settled(row, None).spent == Decimal(3)
    with pytest.raises(ReservationEnded) as refused:
        settled(row, "5")
    assert refused.value.extra == {"reservation": str(row.pk), "state": "settled"}
    assert balances(search) == money("3", "0", "7")


def test_what_was_given_back_is_not_settled(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    assert released(row).status == "released"
    assert released(row).ended_at == AT
    assert balances(search) == money("0", "0", "10")
    with pytest.raises(ReservationEnded):
        settled(row, "1")
    assert released(settled(held(search, "4"), "1")).status == "settled"


def test_late_it_is_charged_all_the_same(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4", seconds=60)
    expire_reservations(at=LATER)
    assert balances(search) == money("0", "0", "10")

    assert settled(row, "3", at=LATER).status == "settled"
    assert balances(search) == money("3", "0", "7")
    check_ledger()


def test_in_a_period_that_is_over_the_account_that_held_is_charged(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    eve = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    row = held(search, "4", at=eve)
    settled(row, "3", at=eve + timedelta(minutes=2))
    assert Transfer.objects.get(kind="charge").occurred_on == eve.date()
    assert balances(search, at=eve) == money("3", "0", "7")


def test_settling_a_parent_settles_what_its_children_used_and_returns_the_rest(
    search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(search, "10")
    root = held(search, "8")
    used, unused = held(ranker, "3", parent=root), held(ranker, "2", parent=root)
    below = held(ranker, "1", parent=used)
    told(below, "0.5")

    settled(root, "2")

    for row in (used, unused, below, root):
        row.refresh_from_db()
    assert [(row.status, row.ended_by) for row in (below, used, unused, root)] == [
        ("settled", "usage"), ("settled", "parent"), ("released", "parent"), ("settled", "caller"),
    ]  # fmt: skip
    # 0.5 was told of by usage; 1.5 is what the caller says beyond.
    assert (root.spent, root.stated) == (Decimal(2), Decimal("1.5"))
    assert balances(search) == money("2", "0", "8")
    check_ledger()


def test_a_child_that_is_settled_frees_what_it_did_not_use(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8")
    settled(held(search, "8", parent=root), "3")
    root.refresh_from_db()
    assert (root.spent, root.drawn, root.held) == (Decimal(3), Decimal(3), Decimal(5))
    assert balances(search) == money("3", "5", "2")
    held(search, "5", parent=root)
    with pytest.raises(ReservationRefused):
        held(search, "0.01", parent=root)
    check_ledger()


def test_a_child_that_cost_more_than_it_held_counts_in_full_above(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8")
    middle = held(search, "4", parent=root)
    settled(held(search, "4", parent=middle), "6")
    root.refresh_from_db()
    assert (root.spent, root.drawn) == (Decimal(6), Decimal(6))
    with pytest.raises(ReservationRefused):
        held(search, "2.01", parent=root)
    check_ledger()


def test_extended_it_lasts_longer_and_holds_more(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    longer = extend(reservation_id=row.pk, expires_in=timedelta(hours=1), amount=Decimal(6), actor=SYSTEM, at=AT)
    assert (longer.expires_at, longer.amount, longer.held) == (AT + timedelta(hours=1), Decimal(6), Decimal(6))
    assert balances(search) == money("0", "6", "4")
    with pytest.raises(ReservationRefused) as refused:
        extend(reservation_id=row.pk, expires_in=None, amount=Decimal("10.5"), actor=SYSTEM, at=AT)
    assert refused.value.extra["left"] == "4"
    with pytest.raises(Invalid) as lower:
        extend(reservation_id=row.pk, expires_in=None, amount=Decimal(5), actor=SYSTEM, at=AT)
    assert lower.value.code == "amount_below_held"
    sooner = extend(reservation_id=row.pk, expires_in=timedelta(seconds=1), amount=None, actor=SYSTEM, at=AT)
    assert sooner.expires_at == AT + timedelta(hours=1)
    check_ledger()


def test_a_child_is_extended_within_its_parent(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8", seconds=900)
    child = held(search, "3", parent=root, seconds=60)
    more = extend(reservation_id=child.pk, expires_in=timedelta(hours=1), amount=Decimal(7), actor=SYSTEM, at=AT)
    root.refresh_from_db()
    assert (more.expires_at, more.amount, root.drawn) == (root.expires_at, Decimal(7), Decimal(7))
    with pytest.raises(ReservationRefused):
        extend(reservation_id=child.pk, expires_in=None, amount=Decimal(9), actor=SYSTEM, at=AT)
    assert balances(search) == money("0", "8", "2")
    check_ledger()


def test_what_has_ended_is_not_extended(search: Scope) -> None:
    row = held(search, "4", seconds=60)
    with pytest.raises(ReservationEnded):
        extend(reservation_id=row.pk, expires_in=timedelta(hours=1), amount=None, actor=SYSTEM, at=LATER)
    released(row)
    with pytest.raises(ReservationEnded):
        extend(reservation_id=row.pk, expires_in=timedelta(hours=1), amount=None, actor=SYSTEM, at=AT)


def test_nobody_touches_reservations_of_others(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "10")
    row = held(acme, "4")
    other = person("eve@example.com", search, "engineering", "")
    with pytest.raises(NotFound):
        settle(reservation_id=row.pk, amount=Decimal(1), actor=other, at=AT)
    with pytest.raises(NotFound):
        release(reservation_id=row.pk, actor=other, at=AT)
    with pytest.raises(NotFound):
        extend(reservation_id=row.pk, expires_in=timedelta(hours=1), amount=None, actor=other, at=AT)
    assert account_of(acme).held == Decimal(4)
