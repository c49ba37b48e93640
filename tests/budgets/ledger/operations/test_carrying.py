"""What goes on at the close of a period, by the clock: twelve months, late charges, two levels, and charges that land
meanwhile.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.models import Account, Transfer
from budgets.ledger.operations import open_periods, post_usage
from budgets.ledger.queries import budget_facts
from budgets.proof.operations import verify_ledgers
from governance.calendar.engine import month_after
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, end_by_two, use
from tests.budgets.ledger.test_threads import in_threads

DECEMBER = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)


def charge(scope: Scope, cost: str, day: date, at: datetime) -> None:
    """A batch's charge alone, of which the ledger makes its balances."""
    post_usage(postings=[UsagePosting(scope.pk, day, Decimal(cost), 0, 0, Decimal(0))], at=at)


def funded_and_left(scope: Scope, day: date) -> tuple[Decimal, Decimal]:
    account = account_of(scope, day=day)
    return account.funded, account.available


def test_twelve_closes_carry_what_was_left_and_reset_no_account(search: Scope, approve: Propose) -> None:
    approve(search, "100", carry_over="both", carry_over_max=Decimal(30))
    spent = [70, 120, 140, 0, 100, 190, 100, 20, 130, 99, 101, 115]
    carried, expected = Decimal(0), []
    for number, amount in enumerate(spent):
        month = month_after(date(2026, 11, 1), number)
        now = datetime(month.year, month.month, 20, tzinfo=UTC)
        charge(search, str(amount), month, now)
        closed = month_after(month, 1)
        open_periods(at=datetime(closed.year, closed.month, 1, 0, 1, tzinfo=UTC))
        # Late, and a credit: what was carried is made right by the next run of the clock.
        late = Decimal(7) if number % 2 else Decimal(-3) if amount else Decimal(0)
        if late:
            charge(search, str(late), month, now + timedelta(days=13))
        open_periods(at=datetime(closed.year, closed.month, 1, 1, 1, tzinfo=UTC))
        before, carried = carried, max(Decimal(-30), min(Decimal(30), 100 + carried - amount - late))
        expected.append((100 + before - carried, amount + late))

    accounts = Account.objects.of_budgets().order_by("period_start")
    assert [(each.funded, each.spent) for each in accounts][:12] == expected
    assert [each.carried_in for each in accounts[1:]] == [each.carried_out for each in accounts[:12]]
    assert (len(accounts), accounts[12].funded) == (13, 100 + carried)
    assert verify_ledgers(at=AT).is_proved
    records = DecisionRecord.objects.filter(action="budget.carry_over").order_by("seq")
    assert records[0].reason == "30.00 USD of the period from 2026-11-01 was not spent and goes on in the next."
    assert records[0].evidence["carried"] == "30"


def test_a_second_run_writes_nothing(search: Scope, approve: Propose) -> None:
    approve(search, "100", carry_over="unspent")
    use(search, "60")
    open_periods(at=DECEMBER)
    count = Transfer.objects.count()

    open_periods(at=DECEMBER + timedelta(hours=1))

    assert Transfer.objects.count() == count
    assert (funded_and_left(search, date(2026, 11, 1)), funded_and_left(search, DECEMBER.date())) == (
        (Decimal(60), Decimal(0)), (Decimal(140), Decimal(140)),
    )  # fmt: skip
    facts = budget_facts(scope_ids=[search.pk], unit="money", at=DECEMBER)[search.pk]
    assert (facts.amount, facts.carried_in) == (Decimal(140), Decimal(40))


def test_nothing_goes_on_where_nothing_was_approved_to(search: Scope, approve: Propose) -> None:
    approve(search, "100")
    use(search, "60")
    open_periods(at=DECEMBER)
    assert funded_and_left(search, DECEMBER.date()) == (Decimal(100), Decimal(100))


def test_a_quarter_above_pays_for_what_a_month_overspent(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "300", period="quarter")
    approve(search, "100", carry_over="overspend")
    use(search, "130")

    open_periods(at=DECEMBER)

    assert funded_and_left(search, date(2026, 11, 1)) == (Decimal(130), Decimal(0))
    assert funded_and_left(search, DECEMBER.date()) == (Decimal(70), Decimal(70))
    assert account_of(acme).granted_out == Decimal(200)
    assert verify_ledgers(at=AT).is_proved


def test_what_a_person_ended_early_leaves_nothing_to_what_comes_after(
    search: Scope, approve: Propose, finance: Actor
) -> None:
    first = approve(search, "100", carry_over="both")
    use(search, "130", on=date(2026, 11, 2))
    end_by_two(budget_id=first.pk, actor=finance, reason="over", at=AT)
    approve(search, "50", carry_over="both")

    open_periods(at=AT + timedelta(days=1))

    assert account_of(search).funded == Decimal(50)


def test_a_month_that_is_long_over_stays_as_it_is(search: Scope, approve: Propose) -> None:
    approve(search, "100", carry_over="unspent")
    open_periods(at=DECEMBER)
    open_periods(at=datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    charge(search, "30", AT.date(), datetime(2027, 2, 5, tzinfo=UTC))
    open_periods(at=datetime(2027, 2, 5, tzinfo=UTC))
    assert funded_and_left(search, AT.date()) == (Decimal(0), Decimal(-30))


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_charges_that_land_while_periods_close_are_all_there(search: Scope, approve: Propose) -> None:
    approve(search, "100", carry_over="both")
    open_periods(at=DECEMBER - timedelta(hours=2))

    def work(number: int) -> None:
        if number % 4 == 0:
            open_periods(at=DECEMBER)
            return
        with transaction.atomic():
            charge(search, "1", date(2026, 11, 30) if number % 2 else DECEMBER.date(), DECEMBER)

    in_threads(work, 32, 8)
    open_periods(at=DECEMBER)

    november, december = account_of(search, day=date(2026, 11, 30)), account_of(search, day=DECEMBER.date())
    assert (november.spent, december.spent) == (Decimal(16), Decimal(8))
    assert (november.available, december.funded) == (Decimal(0), Decimal(184))
    assert verify_ledgers(at=DECEMBER).is_proved
