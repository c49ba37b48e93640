from decimal import Decimal

import pytest

from budgets.approvals.operations import create_budget, submit_budget
from budgets.approvals.queries import waiting_for
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, person

ROOT = Actor.system()


@pytest.fixture
def team_lead(search: Scope) -> Actor:
    return person("sam@example.com", search, "engineering", "constrain_demand")


@pytest.fixture
def superuser(db: None) -> Actor:
    return Actor.of_user(User.objects.create_superuser("root@example.com", "a long password"))


def test_a_submitted_budget_waits_for_those_who_may_approve_it(
    search: Scope, author: Actor, finance: Actor, team_lead: Actor, superuser: Actor
) -> None:
    proposed = create_budget(scope=search, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    waits = {actor.label: list(waiting_for(actor, at=AT)) for actor in (author, finance, team_lead, superuser, ROOT)}
    assert waits == {
        "ada@example.com": [], "fay@example.com": [proposed], "sam@example.com": [], "root@example.com": [proposed],
        "weir": [],
    }  # fmt: skip


def test_its_own_proposal_does_not_wait_for_finance(search: Scope, finance: Actor) -> None:
    proposed = create_budget(scope=search, amount=Decimal(100), actor=finance, at=AT)
    submit_budget(budget_id=proposed.pk, actor=finance, at=AT)
    assert list(waiting_for(finance, at=AT)) == []
