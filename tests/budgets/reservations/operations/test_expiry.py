"""Expiry by the clock, tree by tree, and what is forgotten."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.reservations import tasks
from budgets.reservations.models import Reservation
from budgets.reservations.operations import expire_reservations, expiry
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from governance.work.models import Heartbeat
from tests.budgets.conftest import AT, SYSTEM, Propose
from tests.budgets.reservations.held import balances, check_ledger, held, money, told

LATER = AT + timedelta(minutes=2)


def test_what_nobody_ended_is_given_back_when_its_time_is_over(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row, lasting = held(search, "4", seconds=60), held(search, "1", seconds=600)

    assert expire_reservations(at=AT + timedelta(seconds=59)) == 0
    assert expire_reservations(at=LATER) == 1
    assert expire_reservations(at=LATER) == 0

    row.refresh_from_db()
    lasting.refresh_from_db()
    assert (row.status, row.ended_by, row.ended_at, lasting.status) == ("expired", "clock", LATER, "held")
    assert balances(search) == money("0", "1", "9")
    check_ledger()


def test_of_a_tree_what_was_used_stays_and_the_rest_comes_back(search: Scope, ranker: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8", seconds=90)
    child = held(ranker, "5", parent=root, seconds=60, covers_task=True)
    told(child, "2")

    assert expire_reservations(at=AT + timedelta(seconds=60)) == 1
    root.refresh_from_db()
    assert (root.drawn, root.held) == (Decimal(2), Decimal(6))
    assert expire_reservations(at=LATER) == 1
    assert balances(search) == money("2", "0", "8")
    check_ledger()


def test_children_expire_with_their_parent(search: Scope) -> None:
    root = held(search, "8", seconds=60)
    held(search, "5", parent=root)
    assert expire_reservations(at=LATER) == 2
    assert set(Reservation.objects.values_list("status", "ended_by")) == {("expired", "clock")}


def test_a_fault_in_one_organisation_stops_no_other(
    search: Scope, approve: Propose, monkeypatch: pytest.MonkeyPatch, finance: Any
) -> None:
    other = create_scope(slug="globex", kind="organisation", parent=None, actor=SYSTEM, at=AT)
    approve(search, "10")
    broken, well = held(search, "4", seconds=60), held(other, "4", seconds=60)
    expire_in = expiry._expire_in

    def failing(tree_ids: set[Any], at: Any) -> int:
        if broken.pk in tree_ids:
            raise RuntimeError("broken")
        return expire_in(tree_ids, at)

    monkeypatch.setattr(expiry, "_expire_in", failing)
    assert expire_reservations(at=LATER) == 1
    well.refresh_from_db()
    assert well.status == "expired"
    assert Heartbeat.objects.get(name=expiry.EXPIRY_HEARTBEAT).detail == "acme"


def test_trees_that_ended_long_ago_are_forgotten(search: Scope) -> None:
    root = held(search, "8", seconds=60)
    held(search, "5", parent=root)
    expire_reservations(at=LATER)
    expire_reservations(at=LATER + timedelta(days=39))
    assert Reservation.objects.count() == 2
    expire_reservations(at=LATER + timedelta(days=41))
    assert Reservation.objects.count() == 0


def test_the_clock_runs_it(search: Scope) -> None:
    row = held(search, "8", seconds=60)
    tasks.expire_reservations()
    row.refresh_from_db()
    assert row.status == "expired"
