"""Whatever order usage, approvals, grants and ends come in: counted once, and both sides equal."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.approvals.operations import approve_budget, create_budget, give_back, submit_budget
from budgets.ledger.engine.charging import by_scope, charged_account
from budgets.ledger.models import Account
from budgets.ledger.operations import open_periods
from budgets.ledger.queries import budget_facts, open_accounts, usage_by_day
from budgets.plans.models import Budget
from budgets.proof.operations import verify_ledgers
from governance.errors import DomainError
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.budgets.conftest import AT, SYSTEM, end_by_two, grant_by_two, person, use
from tests.budgets.ledger.test_models import BALANCES_FROM_TRANSFERS

pytestmark = pytest.mark.long

YEAR = (date(2026, 1, 1), date(2028, 1, 1))
LATER = datetime(2026, 12, 5, tzinfo=AT.tzinfo)


class Use(NamedTuple):
    scope: str
    day: date
    cost: Decimal


class Approve(NamedTuple):
    scope: str
    period: str
    amount: int


class Grant(NamedTuple):
    scope: str
    amount: int


class End(NamedTuple):
    scope: str


scopes = st.sampled_from(["acme", "acme/search", "acme/search/ranker", "acme/ads"])
days = st.sampled_from([date(2026, 10, 30), date(2026, 11, 2), date(2026, 11, 24), date(2026, 12, 2)])
steps = st.lists(
    st.one_of(
        st.builds(Use, scopes, days, st.decimals(min_value="0.000000001", max_value=30, places=9)),
        st.builds(Use, scopes, days, st.decimals(min_value="0.000000001", max_value=30, places=9)),
        st.builds(Approve, scopes, st.sampled_from(["month", "quarter"]), st.integers(1, 100)),
        st.builds(Grant, scopes, st.integers(-40, 40)),
        st.builds(End, scopes),
        st.just("open"),
        st.just("later"),
    ),
    min_size=3,
    max_size=20,
)


@pytest.fixture
def people(acme: Scope) -> tuple[Actor, Actor]:
    search = create_scope(slug="search", kind="team", parent=acme, actor=SYSTEM, at=AT)
    create_scope(slug="ranker", kind="workload", parent=search, actor=SYSTEM, at=AT)
    create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    return person("ada@example.com", acme, "engineering", ""), person(
        "fay@example.com", acme, "finance", "approve_budget"
    )


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=steps)
def test_every_covered_usage_is_charged_exactly_once(people: tuple[Actor, Actor], steps: list[object]) -> None:
    with transaction.atomic():
        at = AT
        for step in steps:
            if step == "later":
                at = LATER
            else:
                take(step, *people, at=at)
        check_charges_equal_usage()
        check_balances_equal_transfers()
        check_facts_equal_usage(at)
        transaction.set_rollback(True)


def take(step: object, author: Actor, finance: Actor, *, at: datetime) -> None:
    try:
        match step:
            case Use(path, day, cost):
                use(Scope.objects.get(path=path), str(cost), on=day, at=at)
            case Approve(path, period, amount):
                with transaction.atomic():
                    scope = Scope.objects.get(path=path)
                    draft = create_budget(scope=scope, period=period, amount=Decimal(amount), actor=author, at=at)
                    submit_budget(budget_id=draft.pk, actor=author, at=at)
                    approve_budget(budget_id=draft.pk, actor=finance, reason="law", at=at)
            case Grant(path, amount) if amount:
                change = grant_by_two if amount > 0 else give_back
                change(budget_id=in_force(path), amount=Decimal(abs(amount)), actor=finance, reason="law", at=at)
            case End(path):
                end_by_two(budget_id=in_force(path), actor=finance, reason="law", at=at)
            case _:
                open_periods(at=at)
    except DomainError:
        pass


def in_force(path: str) -> int:
    budget = Budget.objects.filter(scope__path=path, status="approved").order_by("pk").first()
    return budget.pk if budget else 0


def check_charges_equal_usage() -> None:
    tree = scope_tree()
    accounts = by_scope(open_accounts(unit="money", scope_ids=tree.by_id, start=YEAR[0], end=YEAR[1]))
    wanted: dict[int, Decimal] = {}
    for item in usage_by_day(unit="money", scope_ids=tree.by_id, since=YEAR[0], until=YEAR[1]):
        account = charged_account(accounts, tree.ancestors(item.scope_id), item.day)
        if account is not None:
            wanted[account.account_id] = wanted.get(account.account_id, Decimal(0)) + item.quantity
    charged = dict(Account.objects.filter(kind="budget").exclude(spent=0).values_list("pk", "spent"))
    assert charged == wanted


def check_balances_equal_transfers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_FROM_TRANSFERS)
        assert cursor.fetchall() == []
        cursor.execute(
            "SELECT sum(parent.granted_out) FILTER (WHERE parent.kind = 'budget'),"
            " (SELECT sum(child.funded) FROM budgets_account child JOIN budgets_account up ON up.id = child.parent_id"
            "  WHERE up.kind = 'budget') FROM budgets_account parent"
        )
        granted_out, funded_from_above = cursor.fetchone()
        assert (granted_out or 0) == (funded_from_above or 0)
    assert verify_ledgers(at=LATER).is_proved


def check_facts_equal_usage(at: datetime) -> None:
    """What a top budget has used is what its whole subtree used since the account's first day."""
    tree = scope_tree()
    facts = budget_facts(scope_ids=[tree.roots[0]], unit="money", at=at)
    for scope_id, item in facts.items():
        account = Account.objects.filter(pk=item.account_id).first()
        if account is None or not is_whole(account):
            continue
        usage = usage_by_day(
            unit="money",
            scope_ids=tree.descendants(scope_id),
            since=item.period_start.date(),
            until=item.period_end.date(),
        )
        assert item.used == sum((row.quantity for row in usage), Decimal(0))


def is_whole(account: Account) -> bool:
    """Neither it nor a budget below it was cut in mid-period: a cut account is funded by whoever stood above then."""
    return not Budget.objects.filter(status="ended").exists() and account.period_end is not None
