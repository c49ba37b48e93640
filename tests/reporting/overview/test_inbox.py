"""What waits for a decision is the first thing on the first page, for whom it waits."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from budgets.approvals.operations import approve_budget, create_budget, grant_more, submit_budget
from budgets.plans.models import Budget
from budgets.requests.operations import Case, request_more
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from reporting.overview.queries.inbox import inbox
from tests.budgets.conftest import person
from tests.policies.conftest import SYSTEM

NOW = timezone.now()


@pytest.fixture
def finance(acme: Scope) -> Actor:
    return person("fay@example.com", acme, "finance", "approve_budget")


@pytest.fixture
def author(acme: Scope) -> Actor:
    return person("ada@example.com", acme, "engineering", "")


def proposed(scope: Scope, amount: str, author: Actor, days: int) -> Budget:
    at = NOW - timedelta(days=days)
    budget = create_budget(scope=scope, amount=Decimal(amount), actor=author, at=at)
    return submit_budget(budget_id=budget.pk, actor=author, at=at)


def test_each_kind_with_its_number_and_its_age(
    acme: Scope, search: Scope, author: Actor, finance: Actor, client: Client
) -> None:
    second = person("zoe@example.com", acme, "finance", "approve_budget")
    assert inbox(finance, at=NOW).waits == []
    assert [inbox(actor, at=NOW).is_shown for actor in (finance, author, SYSTEM)] == [True, False, False]
    approved = proposed(acme, "500", author, 0)
    approve_budget(budget_id=approved.pk, actor=finance, reason="Agreed.", at=NOW)
    grant_more(budget_id=approved.pk, amount=Decimal(10), actor=second, reason="launch", at=NOW)
    proposed(search, "5", author, 3)
    case = Case(justification="We need it.", expected_outcome="More.")
    request_more(scope=search, unit="money", amount=Decimal(9), case=case, actor=author, at=NOW - timedelta(seconds=1))

    told = [(each.name, each.age) for each in inbox(finance, at=NOW).waits]
    assert told == [
        ("1 proposed budget", "for 3 days"), ("1 request for more", "since today"),
        ("1 grant that needs a second person", "since today"),
    ]  # fmt: skip
    # Who asked for the grant is not its second person, and who proposed decides on nothing of it.
    assert [each.name for each in inbox(second, at=NOW).waits] == ["1 proposed budget", "1 request for more"]
    assert inbox(author, at=NOW).waits == []

    client.force_login(finance.user)  # type: ignore[arg-type]  # a person
    page = client.get("/admin/").content.decode()
    assert page.index("Waiting for your decision") < page.index("Held back now")
    assert '/admin/budgets/quotarequest/?state=waiting">1 request for more</a>' in page
    client.force_login(author.user)  # type: ignore[arg-type]  # a person
    assert "Waiting for your decision" not in client.get("/admin/").content.decode()


def queries(actor: Actor) -> int:
    with CaptureQueriesContext(connection) as captured:
        inbox(actor, at=NOW)
    return len(captured)


def test_more_that_waits_takes_no_more_queries(acme: Scope, author: Actor, finance: Actor) -> None:
    def team(slug: str) -> None:
        scope: Any = create_scope(slug=slug, kind="team", parent=acme, actor=SYSTEM, at=NOW)
        proposed(scope, "5", author, 3)
        case = Case(justification="We need it.", expected_outcome="More.")
        request_more(scope=scope, unit="money", amount=Decimal(9), case=case, actor=author, at=NOW)

    whole = proposed(acme, "500", author, 0)
    approve_budget(budget_id=whole.pk, actor=finance, reason="Agreed.", at=NOW)
    team("one")
    inbox(finance, at=NOW)
    few = queries(finance)
    for slug in ("two", "three", "four"):
        team(slug)
    assert [each.count for each in inbox(finance, at=NOW).waits] == [4, 4]
    assert queries(finance) == few
