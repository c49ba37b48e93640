"""Scarce money, many hands: real transactions on real connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum

from allocation.usage.engine.roll_ups import UsagePosting
from allocation.usage.models import UsageDay
from budgets.approvals.operations import approve_budget, grant_more
from budgets.ledger.models import Account
from budgets.ledger.operations import post_usage
from budgets.ledger.queries import budget_facts
from budgets.plans.errors import InsufficientFunds
from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, end_by_two, use
from tests.budgets.ledger.test_models import BALANCES_FROM_TRANSFERS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def in_threads(work: Callable[[int], object], count: int, workers: int) -> list[object]:
    def work_of(number: int) -> object:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work_of, range(count)))


def balances_are_right() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_FROM_TRANSFERS)
        return cursor.fetchall() == []


def test_64_racing_grants_never_take_more_than_the_parent_has(
    acme: Scope, approve: Propose, finance: Actor, settings: Any
) -> None:
    # One person may grant more than what was approved.
    settings.GRANT_ALONE_PERCENT = 1000
    teams = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT) for n in range(8)]
    approve(acme, "100")
    budgets = [approve(team, "5") for team in teams]

    def grant(number: int) -> bool:
        budget = budgets[number % len(budgets)]
        try:
            grant_more(budget_id=budget.pk, amount=Decimal(7), actor=finance, reason="race", at=AT)
        except InsufficientFunds:
            return False
        return True

    granted = in_threads(grant, 64, 32)

    # 100 - 8 x 5 = 60 are left: eight grants of 7 fit, the ninth does not.
    assert granted.count(True) == 8
    assert account_of(acme).granted_out == Decimal(96)
    assert balances_are_right()


def test_64_racing_approvals_never_take_more_than_the_parent_has(
    acme: Scope, approve: Propose, propose: Propose, finance: Actor
) -> None:
    approve(acme, "100")
    teams = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT) for n in range(64)]
    proposed = [propose(team, "30") for team in teams]

    def decide(number: int) -> bool:
        try:
            approve_budget(budget_id=proposed[number].pk, actor=finance, reason="race", at=AT)
        except InsufficientFunds:
            return False
        return True

    approved = in_threads(decide, 64, 32)

    assert approved.count(True) == 3
    assert Budget.objects.filter(status="approved").count() == 4
    assert account_of(acme).granted_out == Decimal(90)


def test_two_people_deciding_at_once_decide_once(search: Scope, propose: Propose, finance: Actor) -> None:
    budget = propose(search, "100")

    def decide(number: int) -> str:
        try:
            approve_budget(budget_id=budget.pk, actor=finance, reason=f"{number}", at=AT)
        except Exception as refused:  # noqa: BLE001  # its name is the result
            return type(refused).__name__
        return "approved"

    answers = in_threads(decide, 8, 8)

    assert sorted(answers) == ["WrongStatus"] * 7 + ["approved"]
    assert account_of(search).funded == Decimal(100)


def test_usage_posted_while_budgets_are_approved_and_ended_is_charged_once(
    acme: Scope, search: Scope, ranker: Scope, propose: Propose, finance: Actor
) -> None:
    """What a batch does, from several hands, while accounts open and close around it."""
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    scopes = [acme, search, ranker, ads]
    for scope in scopes:
        use(scope, "0")
    proposed = {scope.pk: propose(scope, amount) for scope, amount in ((ranker, "10"), (search, "40"), (acme, "200"))}

    def post(number: int) -> None:
        with transaction.atomic():
            costs = {
                scope: Decimal(number * 7 + scope.pk) / 1000 for scope in sorted(scopes, key=lambda scope: scope.pk)
            }
            postings = [UsagePosting(scope.pk, AT.date(), cost, 1, 1, Decimal(0)) for scope, cost in costs.items()]
            post_usage(postings=postings, at=AT)
            for scope, cost in costs.items():
                add_to_roll_up(scope, cost)

    def step(number: int) -> None:
        if number in decisions:
            decisions[number]()
        else:
            post(number)

    def decide(scope: Scope) -> Callable[[], object]:
        return lambda: approve_budget(budget_id=proposed[scope.pk].pk, actor=finance, reason="race", at=AT)

    decisions = {
        20: decide(ranker),
        50: decide(search),
        80: decide(acme),
        110: lambda: end_by_two(budget_id=proposed[ranker.pk].pk, actor=finance, reason="race", at=AT),
    }
    in_threads(step, 150, 8)

    total = UsageDay.objects.aggregate(total=Sum("cost"))["total"]
    assert Account.objects.filter(kind="budget").aggregate(total=Sum("spent"))["total"] == total
    below = UsageDay.objects.filter(scope__in=[search, ranker]).aggregate(total=Sum("cost"))["total"]
    assert account_of(search).spent == below
    assert budget_facts(scope_ids=[acme.pk], unit="money", at=AT)[acme.pk].used == total
    assert balances_are_right()


def add_to_roll_up(scope: Scope, cost: Decimal) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE allocation_usageday SET cost = cost + %s, requests = requests + 1 WHERE scope_id = %s",
            [cost, scope.pk],
        )


def test_a_new_month_opens_once_under_many_posting_hands(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "40")
    december, first = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC), date(2026, 12, 1)
    use(search, "0")
    UsageDay.objects.update(bucket=datetime(2026, 12, 1, tzinfo=UTC))

    def post(number: int) -> None:
        with transaction.atomic():
            post_usage(postings=[UsagePosting(search.pk, first, Decimal(1), 0, 1, Decimal(0))], at=december)
            add_to_roll_up(search, Decimal(1))

    in_threads(post, 32, 16)

    assert account_of(search, day=first).spent == Decimal(32)
    assert account_of(acme, day=first).granted_out == Decimal(40)
