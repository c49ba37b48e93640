"""Holding: what fits is held, what does not is refused with what would."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from budgets.approvals.operations import give_back
from budgets.ledger.engine.funding import Entry
from budgets.ledger.models import Transfer
from budgets.ledger.operations import write_entries
from budgets.reservations.errors import ReservationDiffers, ReservationEnded, ReservationRefused
from budgets.reservations.models import Reservation
from budgets.reservations.operations import release
from governance.errors import DomainError, Invalid, NotFound
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, person, use
from tests.budgets.reservations.held import balances, check_ledger, held, money, told


def test_what_is_held_is_not_available_and_has_its_entry(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "10")

    row = held(search, "4")

    assert (row.status, row.amount, row.held, row.account) == ("held", Decimal(4), Decimal(4), account_of(search))
    assert balances(search) == money("0", "4", "6")
    assert balances(acme) == money("0", "0", "90")
    entry = Transfer.objects.get(kind="hold")
    assert (entry.amount, entry.credit_account, entry.reference) == (
        Decimal(4), account_of(search), f"reservation:{row.pk}"
    )  # fmt: skip
    check_ledger()


def test_a_scope_without_a_budget_of_its_own_holds_on_the_one_above(
    search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(search, "10")
    assert held(ranker, "3").account == account_of(search)
    assert balances(search) == money("0", "3", "7")


def test_without_any_budget_nothing_limits_it(search: Scope) -> None:
    row = held(search, "1000000")
    assert (row.account, row.held, row.status) == (None, Decimal(0), "held")
    told(row, "3")
    row.refresh_from_db()
    assert (row.status, row.spent) == ("settled", Decimal(3))


def test_a_refusal_names_the_account_what_is_left_until_when_and_what_would_fit(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    budget = approve(search, "10")
    use(search, "5")
    held(search, "2")

    with pytest.raises(ReservationRefused) as refused:
        held(search, "3.5")

    account = account_of(search)
    assert refused.value.status == 409
    assert refused.value.detail == "acme/search has 3.00 USD left until 2026-12-01; 3.50 USD is asked for."
    assert refused.value.extra == {
        "account": {
            "id": account.pk, "scope": "acme/search", "budget": budget.name, "unit": "money", "currency": "USD",
            "period_start": "2026-11-01", "period_end": "2026-12-01", "held": "2",
        },
        "unit": "money", "left": "3", "fits": "3", "resets_at": "2026-12-01T00:00:00+00:00",
    }  # fmt: skip
    assert balances(search) == money("5", "2", "3")
    assert Reservation.objects.count() == 1
    held(search, "3")


def test_of_an_overspent_account_nothing_fits(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    use(search, "12")
    with pytest.raises(ReservationRefused) as refused:
        held(search, "1")
    assert (refused.value.extra["left"], refused.value.extra["fits"]) == ("-2", "0")


@pytest.mark.parametrize(
    ("unit", "amount", "code"),
    [
        ("money", "0", "amount_not_positive"),
        ("money", "-1", "amount_not_positive"),
        ("money", "0.0000000001", "amount_too_fine"),
        ("money", "1000000000000000", "amount_too_large"),
        ("tokens", "1.5", "amount_not_whole"),
    ],
)
def test_an_amount_that_cannot_be_held_is_told_so(search: Scope, unit: str, amount: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        held(search, amount, unit=unit)
    assert refused.value.code == code


def test_gpu_hours_are_held_as_seconds(search: Scope, approve: Propose) -> None:
    approve(search, "10", unit="gpu_hours")
    row = held(search, "0.5", unit="gpu_hours")
    assert (row.held, row.in_unit(row.amount)) == (Decimal(1800), Decimal("0.5"))


def test_the_same_id_holds_once_and_other_terms_are_told_apart(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(search, "10")
    chosen = uuid4()
    first = held(search, "4", reservation_id=chosen)

    assert held(search, "4", reservation_id=chosen) == first
    assert balances(search) == money("0", "4", "6")
    ada = person("eve@example.com", acme, "engineering", "")
    for scope, amount, actor in ((search, "5", SYSTEM), (ranker, "4", SYSTEM), (search, "4", ada)):
        with pytest.raises(ReservationDiffers):
            held(scope, amount, reservation_id=chosen, actor=actor)
    release(reservation_id=chosen, actor=SYSTEM, at=AT)
    assert held(search, "4", reservation_id=chosen).status == "released"


def test_a_child_draws_from_its_parent_and_not_from_the_account(search: Scope, ranker: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8")
    child = held(ranker, "5", parent=root)
    grandchild = held(ranker, "5", parent=child)

    root.refresh_from_db()
    assert balances(search) == money("0", "8", "2")
    assert (root.drawn, root.covers_task, child.held) == (Decimal(5), True, Decimal(0))
    assert (grandchild.tree, grandchild.lineage) == (root.pk, [root.pk, child.pk])
    with pytest.raises(ReservationRefused) as refused:
        held(search, "3.01", parent=root)
    assert refused.value.extra == {
        "parent": str(root.pk), "unit": "money", "left": "3", "fits": "3",
        "resets_at": (AT + timedelta(seconds=600)).isoformat(),
    }  # fmt: skip
    with pytest.raises(ReservationRefused):
        held(ranker, "0.01", parent=child)
    check_ledger()


def test_a_child_ends_no_later_than_its_parent(search: Scope) -> None:
    root = held(search, "8", seconds=60)
    assert held(search, "1", parent=root, seconds=600).expires_at == root.expires_at


def test_of_a_parent_that_has_ended_or_is_of_others_nothing_is_drawn(acme: Scope, search: Scope) -> None:
    root = held(search, "8", seconds=60)
    with pytest.raises(Invalid) as unit:
        held(search, "1", parent=root, unit="tokens")
    assert unit.value.code == "unit_differs"
    with pytest.raises(ReservationEnded):
        held(search, "1", parent=root, at=AT + timedelta(seconds=60))
    release(reservation_id=root.pk, actor=SYSTEM, at=AT)
    with pytest.raises(ReservationEnded):
        held(search, "1", parent=root)
    other = person("eve@example.com", search, "engineering", "")
    with pytest.raises(NotFound):
        held(search, "1", parent=held(acme, "1"), actor=other)


def test_a_tree_has_ten_levels(search: Scope) -> None:
    row = held(search, "8")
    for _ in range(9):
        row = held(search, "8", parent=row)
    with pytest.raises(Invalid) as refused:
        held(search, "8", parent=row)
    assert refused.value.code == "tree_too_deep"


def test_what_has_expired_and_waits_for_the_clock_refuses_nobody(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    late = held(search, "10", seconds=1)
    root = held(search, "10", at=AT + timedelta(seconds=2))
    held(search, "10", parent=root, seconds=1, at=AT + timedelta(seconds=2))
    held(search, "10", parent=root, at=AT + timedelta(seconds=4))

    late.refresh_from_db()
    assert (late.status, late.ended_by) == ("expired", "clock")
    assert balances(search) == money("0", "10", "0")
    check_ledger()


def test_the_database_holds_no_more_than_is_available(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "8")
    where = Transfer.objects.get(kind="hold").debit_account_id
    assert row.account_id is not None
    with pytest.raises(IntegrityError, match="a hold takes no more than is available"), transaction.atomic():
        write_entries([Entry("hold", where, row.account_id, Decimal("2.01"))], on=AT.date(), at=AT, reference="")
    with pytest.raises(IntegrityError, match="account_held_is_not_negative"), transaction.atomic():
        write_entries([Entry("unhold", row.account_id, where, Decimal("8.01"))], on=AT.date(), at=AT, reference="")


def test_what_is_held_is_neither_granted_below_nor_given_back(
    acme: Scope, search: Scope, approve: Propose, propose: Propose, finance: Actor
) -> None:
    top = approve(acme, "10")
    held(acme, "8")
    with pytest.raises(DomainError) as refused:
        approve(search, "3")
    assert refused.value.code == "insufficient_funds"
    with pytest.raises(DomainError) as kept:
        give_back(budget_id=top.pk, amount=Decimal(3), actor=finance, reason="less", at=AT)
    assert kept.value.code == "insufficient_funds"
