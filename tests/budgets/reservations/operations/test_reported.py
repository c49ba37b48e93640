"""Usage that names its reservation: charged once, and settled with the charge."""

from datetime import timedelta
from decimal import Decimal

import pytest

from allocation.meters.documents import EVENT
from allocation.usage.models import UsageDay
from allocation.usage.operations import record_usage
from budgets.ledger.models import Transfer
from budgets.reservations.operations import expire_reservations, release, settle
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose
from tests.budgets.reservations.held import balances, check_ledger, held, money, told


@pytest.mark.parametrize("cost", ["1.5", "4", "6"])
def test_usage_settles_the_reservation_that_it_names(search: Scope, approve: Propose, cost: str) -> None:
    approve(search, "10")
    row = held(search, "4")
    told(row, cost)
    row.refresh_from_db()
    assert (row.status, row.ended_by, row.spent) == ("settled", "usage", Decimal(cost))
    assert balances(search) == (Decimal(cost), Decimal(0), 10 - Decimal(cost))
    check_ledger()


def test_a_retry_that_names_it_again_is_charged_and_counted(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    told(row, "3")
    told(row, "3")
    row.refresh_from_db()
    assert (row.status, row.spent) == ("settled", Decimal(6))
    assert balances(search) == money("6", "0", "4")
    check_ledger()


def test_what_a_caller_settled_is_not_charged_a_second_time(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    settle(reservation_id=row.pk, amount=Decimal("3.5"), actor=SYSTEM, at=AT)
    told(row, "3")
    row.refresh_from_db()
    assert (row.spent, row.stated) == (Decimal(3), Decimal(0))
    assert balances(search) == money("3", "0", "7")
    assert [(each.kind, each.amount) for each in Transfer.objects.exclude(kind__in=("fund", "hold", "unhold"))] == [
        ("charge", Decimal("3.5")), ("adjust", Decimal("3.5")), ("charge", Decimal(3)),
    ]  # fmt: skip
    check_ledger()


def test_settled_after_its_usage_it_stays_as_usage_says(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    row = held(search, "4")
    told(row, "3")
    answer = settle(reservation_id=row.pk, amount=Decimal("3.5"), actor=SYSTEM, at=AT)
    assert (answer.status, answer.ended_by, answer.spent) == ("settled", "usage", Decimal(3))
    assert balances(search) == money("3", "0", "7")


def test_one_for_a_task_is_drawn_down_and_counts_before_it_ends(search: Scope, ranker: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "8", covers_task=True)
    told(root, "1")
    child = held(ranker, "5", parent=root)
    told(child, "2")
    root.refresh_from_db()
    assert (root.status, root.spent, root.drawn, root.held) == ("held", Decimal(3), Decimal(3), Decimal(5))
    assert balances(search) == money("3", "5", "2")
    settle(reservation_id=root.pk, amount=None, actor=SYSTEM, at=AT)
    assert balances(search) == money("3", "0", "7")
    check_ledger()


def test_usage_of_what_expired_or_was_given_back_is_charged_as_any(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    late, back = held(search, "4", seconds=60), held(search, "4")
    release(reservation_id=back.pk, actor=SYSTEM, at=AT)
    expire_reservations(at=AT + timedelta(minutes=2))
    told(late, "1")
    told(back, "2")
    late.refresh_from_db()
    back.refresh_from_db()
    assert [(row.status, row.spent) for row in (late, back)] == [("expired", Decimal(1)), ("released", Decimal(2))]
    assert balances(search) == money("3", "0", "7")
    check_ledger()


def test_usage_of_elsewhere_settles_nothing(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "10")
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    row = held(search, "4")
    told(row, "3", scope=ads)
    row.refresh_from_db()
    assert (row.status, row.spent, row.held) == ("held", Decimal(0), Decimal(4))
    assert balances(acme) == money("3", "4", "3")


def test_a_reservation_in_another_unit_counts_that_unit(search: Scope, approve: Propose) -> None:
    approve(search, "100", unit="tokens")
    row = held(search, "40", unit="tokens")
    told(row, "3")
    row.refresh_from_db()
    assert (row.status, row.spent) == ("settled", Decimal(10))


@pytest.mark.parametrize("name", ["reservation", "tag.reservation"])
def test_an_event_names_it_by_an_attribute_and_a_repeat_settles_nothing_more(
    search: Scope, approve: Propose, name: str
) -> None:
    approve(search, "10")
    row = held(search, "4")
    event = {
        "id": "a", "source": "s", "occurred_at": AT.isoformat(), "scope": "acme/search", "provider": "openai",
        "model": "gpt-4o", "cost": "2.5", "attributes": {name: str(row.pk)},
    }  # fmt: skip
    failed = {**event, "id": "b", "status": "error", "cost": None}
    nameless = {**event, "id": "c", "cost": "1", "attributes": {name: "mine"}}
    acme_id = search.parent_id

    record_usage(events=[EVENT.validate_python(failed, strict=False)], key_scope_id=acme_id, at=AT)
    assert balances(search) == money("0", "4", "6")
    for _ in range(2):
        record_usage(
            events=[EVENT.validate_python(each, strict=False) for each in (event, nameless)],
            key_scope_id=acme_id, at=AT,
        )  # fmt: skip

    row.refresh_from_db()
    assert (row.status, row.ended_by, row.spent) == ("settled", "usage", Decimal("2.5"))
    assert balances(search) == money("3.5", "0", "6.5")
    assert sum(day.cost for day in UsageDay.objects.all()) == Decimal("3.5")
    check_ledger()
