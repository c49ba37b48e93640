from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger import tasks
from budgets.ledger.models import Account
from budgets.ledger.operations import open_periods, post_usage
from budgets.ledger.queries import budget_facts
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, grant_by_two, use

DECEMBER = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)


def test_a_month_starts_fresh_because_its_account_is_another(search: Scope, approve: Propose) -> None:
    approve(search, "100")
    use(search, "120")

    open_periods(at=DECEMBER)
    use(search, "1", on=date(2026, 11, 30), at=DECEMBER)
    use(search, "2", on=date(2026, 12, 1), at=DECEMBER)

    assert account_of(search).spent == Decimal(121)
    assert account_of(search, day=DECEMBER.date()).spent == Decimal(2)
    used = [budget_facts(scope_ids=[search.pk], unit="money", at=at)[search.pk].used for at in (AT, DECEMBER)]
    assert used == [Decimal(121), Decimal(2)]


def test_usage_opens_its_period_when_no_task_has(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "300", period="quarter")
    approve(search, "100")
    before = budget_facts(scope_ids=[search.pk], unit="money", at=DECEMBER)[search.pk]

    use(search, "3", on=date(2026, 12, 1), at=DECEMBER)

    assert (before.amount, before.used, before.account_id) == (Decimal(100), Decimal(0), None)
    assert account_of(search, day=DECEMBER.date()).spent == Decimal(3)
    assert account_of(acme).granted_out == Decimal(200)


def test_periods_open_a_day_ahead_and_only_once(search: Scope, approve: Propose) -> None:
    approve(search, "100")
    assert open_periods(at=datetime(2026, 11, 29, 23, 59, tzinfo=UTC)) == ()

    opened = open_periods(at=datetime(2026, 11, 30, 0, 1, tzinfo=UTC))
    tasks.open_periods()

    assert [account.period_start for account in opened] == [date(2026, 12, 1)]
    assert Account.objects.filter(kind="budget", period_start=date(2026, 12, 1)).count() == 1


def test_a_period_that_cannot_be_funded_in_full_opens_with_what_there_is_and_says_so(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    approve(acme, "150", period="quarter")
    budget = approve(search, "100")

    open_periods(at=DECEMBER)

    account = account_of(search, day=DECEMBER.date())
    assert (account.funded, account.shortfall) == (Decimal(50), Decimal(50))
    facts = budget_facts(scope_ids=[search.pk], unit="money", at=DECEMBER)[search.pk]
    assert (facts.amount, facts.shortfall) == (Decimal(50), Decimal(50))
    record = DecisionRecord.objects.get(action="budget.shortfall")
    assert (record.subject, record.evidence["missing"]) == (f"budget:{budget.pk}", "50")
    assert record.reason == "acme had 50.00 USD too little left for the period from 2026-12-01."


def test_a_grant_fills_a_shortfall(acme: Scope, search: Scope, approve: Propose, finance: Actor) -> None:
    top = approve(acme, "150", period="quarter")
    budget = approve(search, "100")
    open_periods(at=DECEMBER)
    grant_by_two(budget_id=top.pk, amount=Decimal(40), actor=finance, reason="more", at=DECEMBER)

    grant_by_two(budget_id=budget.pk, amount=Decimal(40), actor=finance, reason="more", at=DECEMBER)

    account = account_of(search, day=DECEMBER.date())
    assert (account.funded, account.shortfall) == (Decimal(90), Decimal(10))


def test_a_budget_ends_with_its_last_day(search: Scope, approve: Propose) -> None:
    approve(search, "100", ends_on=date(2026, 12, 1))

    open_periods(at=DECEMBER)
    use(search, "5", on=date(2026, 12, 1), at=DECEMBER)

    assert Budget.objects.get().status == "ended"
    assert budget_facts(scope_ids=[search.pk], unit="money", at=DECEMBER) == {}
    assert account_of(search).spent == Decimal(0)
    assert DecisionRecord.objects.filter(action="budget.end").count() == 1


def test_approval_reaches_back_to_the_start_of_its_period_not_beyond(search: Scope, approve: Propose) -> None:
    use(search, "9", on=date(2026, 10, 31))
    budget = approve(search, "100", starts_on=date(2026, 1, 1))

    use(search, "4", on=date(2026, 10, 31))

    assert budget.covered_from == date(2026, 11, 1)
    assert Account.objects.filter(kind="budget").count() == 1
    assert account_of(search).spent == Decimal(0)


@pytest.mark.django_db(transaction=True)
def test_a_batch_takes_few_messages(acme: Scope, approve: Propose, messages: list[list[str]]) -> None:
    teams = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT) for n in range(20)]
    for team in teams:
        approve(team, "10")
    postings = [UsagePosting(team.pk, AT.date(), Decimal(1), 0, 0, Decimal(0)) for team in teams]
    with transaction.atomic():
        post_usage(postings=postings, at=AT)
        post_usage(postings=postings, at=AT)

    messages.clear()
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        post_usage(postings=postings, at=AT)

    assert [len(statements) for statements in messages] == [3, 1], "what is open, under its lock, and the charge"
    assert len(captured) == 4, "and nothing besides"
    assert set(Account.objects.filter(kind="budget").values_list("spent", flat=True)) == {Decimal(3)}
