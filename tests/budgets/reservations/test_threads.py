"""Many hands at the last dollar: nothing is overspent, and nobody is refused what is there."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from budgets.ledger.models import Account
from budgets.reservations.errors import ReservationEnded, ReservationRefused
from budgets.reservations.models import Reservation
from budgets.reservations.operations import expire_reservations, release, renew_lease, return_lease, settle
from budgets.reservations.operations.sizing import sized
from budgets.reservations.queries.overshoot import overshoot_bounds
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of
from tests.budgets.ledger.test_threads import in_threads
from tests.budgets.reservations.held import check_ledger, held, leased, money, told
from tests.budgets.reservations.operations.test_sizing import GPT, calls

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture
def levels(acme: Scope, search: Scope, ranker: Scope) -> list[Scope]:
    """Five, the organisation first."""
    deeper = create_scope(slug="batch", kind="workload", parent=ranker, actor=SYSTEM, at=AT)
    return [acme, search, ranker, deeper, create_scope(slug="bot", kind="agent", parent=deeper, actor=SYSTEM, at=AT)]


def test_64_race_for_the_last_dollar_of_five_levels(levels: list[Scope], approve: Propose) -> None:
    for scope, amount in zip(levels, ("5", "4", "3", "2", "1"), strict=True):
        approve(scope, amount)

    def ask(number: int) -> bool:
        # Each level has one dollar that it has not granted below.
        try:
            with transaction.atomic():
                held(levels[number % 5], "0.1")
        except ReservationRefused:
            return False
        return True

    answers = in_threads(ask, 64, 16)

    # 13 ask at each level but the last, where 12 do: ten fit at each.
    assert answers.count(True) == 50
    assert [(account_of(scope).held, account_of(scope).available) for scope in levels] == [money("1", "0")] * 5
    check_ledger()


def test_64_hold_settle_and_give_back_and_the_sum_fits(levels: list[Scope], approve: Propose) -> None:
    approve(levels[0], "1")

    def work(number: int) -> str:
        try:
            row = held(levels[number % 5], "0.1")
        except ReservationRefused as refused:
            return str(refused.extra["fits"])
        if number % 3 == 0:
            release(reservation_id=row.pk, actor=SYSTEM, at=AT)
        elif number % 3 == 1:
            settle(reservation_id=row.pk, amount=Decimal("0.05"), actor=SYSTEM, at=AT)
        else:
            told(row, "0.1")
        return "held"

    answers = in_threads(work, 64, 16)

    account = account_of(levels[0])
    assert account.held == Decimal(0)
    assert account.spent <= Decimal(1)
    # Who was refused was told that less than they asked for was there.
    assert {answer for answer in answers if answer != "held"} <= {"0", "0.05"}
    assert not Reservation.objects.open().exists()
    check_ledger()


def test_an_agent_and_thirty_below_it_never_use_more_than_ten_dollars(levels: list[Scope], approve: Propose) -> None:
    approve(levels[0], "100")
    root = held(levels[2], "10", covers_task=True)
    teams = [held(levels[2], "3.3", parent=root) for _ in range(3)]
    agents = [held(levels[3], "0.9", parent=teams[number % 3]) for number in range(9)]

    def call(number: int) -> bool:
        # 3 + 9 + 18 below the root. Each makes a call of 0.48, which is tried twice.
        above = [*teams, *agents, *agents, *agents][number % 30]
        try:
            row = held(levels[4], "0.48", parent=above)
        except (ReservationRefused, ReservationEnded):
            return False
        told(row, "0.48")
        return True

    answers = in_threads(call, 60, 8)

    root.refresh_from_db()
    account = account_of(levels[0])
    assert root.spent == account.spent == answers.count(True) * Decimal("0.48")
    assert root.spent <= Decimal(10)
    assert account.spent + account.held == Decimal(10)
    settle(reservation_id=root.pk, amount=None, actor=SYSTEM, at=AT)
    account.refresh_from_db()
    assert (account.held, account.available) == (Decimal(0), 100 - root.spent)
    check_ledger()


def test_a_tree_that_is_settled_released_and_expired_at_once_ends_once(levels: list[Scope], approve: Propose) -> None:
    approve(levels[0], "10")
    root = held(levels[1], "8", seconds=1)
    children = [held(levels[1], "1", parent=root) for _ in range(6)]
    later = AT.replace(minute=5)

    def step(number: int) -> None:
        match number % 4:
            case 0:
                told(children[number % 6], "0.5", at=later)
            case 1:
                settle(reservation_id=root.pk, amount=None, actor=SYSTEM, at=later)
            case 2:
                release(reservation_id=children[number % 6].pk, actor=SYSTEM, at=later)
            case _:
                expire_reservations(at=later)

    in_threads(step, 24, 8)

    account = Account.objects.get(pk=root.account_id)
    assert (account.spent, account.held) == money("3", "0")
    assert not Reservation.objects.open().exists()
    check_ledger()


def test_the_same_id_from_many_hands_is_held_once(levels: list[Scope], approve: Propose) -> None:
    approve(levels[0], "10")
    first = held(levels[0], "1")
    release(reservation_id=first.pk, actor=SYSTEM, at=AT)
    chosen = first.pk.__class__(int=first.pk.int ^ 1)

    rows = in_threads(lambda _number: held(levels[1], "4", reservation_id=chosen).pk, 8, 8)

    assert rows == [chosen] * 8
    assert account_of(levels[0]).held == Decimal(4)


def test_settled_above_what_they_held_no_more_is_overspent_than_was_published(
    levels: list[Scope], approve: Propose
) -> None:
    approve(levels[0], "1")

    def ask(number: int) -> Reservation | None:
        try:
            return held(levels[number % 5], "0.1")
        except ReservationRefused:
            return None

    rows = [row for row in in_threads(ask, 64, 16) if isinstance(row, Reservation)]
    account = account_of(levels[0])
    published = overshoot_bounds([account.pk], at=AT)[account.pk]

    def cost(number: int) -> None:
        # From what was held to nearly twice as much.
        settle(reservation_id=rows[number].pk, amount=Decimal("0.1") + Decimal(number) / 100, actor=SYSTEM, at=AT)

    in_threads(cost, len(rows), 8)

    account.refresh_from_db()
    assert (len(rows), published.total, account.held) == (10, Decimal(1), Decimal(0))
    assert account.funded < account.spent <= account.funded + published.total
    assert not Reservation.objects.open().exists()
    check_ledger()


def test_of_forty_that_state_no_bound_as_many_are_held_as_usual_calls_fit(
    levels: list[Scope], approve: Propose
) -> None:
    calls(levels[2], ["0.1"] * 18 + ["1"] * 2)
    approve(levels[0], "4.3")  # of which 3.8 are used

    def ask(_number: int) -> bool:
        amount, sized_by = sized(scope=levels[2], unit="money", amount=None, call=GPT, at=AT)
        try:
            held(levels[2], str(amount))
        except ReservationRefused:
            return False
        return sized_by == "quantile"

    assert in_threads(ask, 40, 16).count(True) == 5
    assert account_of(levels[0]).available == Decimal(0)
    check_ledger()


def test_leases_that_are_topped_up_at_once_share_what_there_is(levels: list[Scope], approve: Propose) -> None:
    approve(levels[0], "10")
    leases = [leased(levels[number % 5], "0.5") for number in range(8)]

    def renew(number: int) -> Reservation:
        return renew_lease(
            lease_id=leases[number % 8].pk, drawn=Decimal("0.5"), capacity=Decimal(1),
            expires_in=timedelta(minutes=5), actor=SYSTEM, at=AT,
        )  # fmt: skip

    in_threads(renew, 24, 8)

    # They want 12 in all. Each has what it drew, and between them they have the rest.
    amounts = list(Reservation.objects.values_list("amount", flat=True))
    assert (sum(amounts), min(amounts) >= Decimal("0.5"), max(amounts) <= Decimal("1.5")) == (Decimal(10), True, True)
    assert account_of(levels[0]).held == Decimal(10)

    in_threads(
        lambda number: return_lease(lease_id=leases[number % 8].pk, drawn=Decimal("0.5"), actor=SYSTEM, at=AT), 16, 8
    )

    account = account_of(levels[0])
    assert (account.spent, account.held) == money("4", "0")
    check_ledger()
