from decimal import Decimal

import pytest

from budgets.approvals.operations import approve_budget, create_budget, reject_budget, submit_budget
from budgets.ledger.models import Account
from budgets.plans.errors import FourEyes
from governance.errors import NotFound, PersonRequired, RightRequired
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import Ownership
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, person


def test_nobody_decides_on_a_budget_of_their_own(search: Scope, propose: Propose, author: Actor) -> None:
    budget = propose(search, "100")
    author.user.is_superuser = True
    author.user.save()

    for decide in (approve_budget, reject_budget):
        with pytest.raises(FourEyes, match="someone else"):
            decide(budget_id=budget.pk, actor=author, reason="mine", at=AT)

    budget.refresh_from_db()
    assert (budget.status, budget.decided_by, Account.objects.count()) == ("submitted", None, 0)


def test_who_made_a_key_is_the_author_of_what_it_proposes(search: Scope, finance: Actor) -> None:
    Ownership.objects.create(scope=search, user=finance.user, persona="platform")
    key, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=finance, at=AT)
    by_key = Actor.of_key(key)
    budget = create_budget(scope=search, amount=Decimal(5), actor=by_key, at=AT)
    submit_budget(budget_id=budget.pk, actor=by_key, at=AT)

    with pytest.raises(FourEyes):
        approve_budget(budget_id=budget.pk, actor=finance, reason="fine", at=AT)
    with pytest.raises(PersonRequired):
        approve_budget(budget_id=budget.pk, actor=by_key, reason="fine", at=AT)


def test_deciding_needs_the_right_at_or_above_the_scope(acme: Scope, search: Scope, propose: Propose) -> None:
    sibling = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=AT)
    budget = propose(search, "100")

    with pytest.raises(RightRequired):
        approve_budget(budget_id=budget.pk, actor=person("bo@example.com", search, "finance", ""), reason="ok", at=AT)
    with pytest.raises(NotFound):
        approve_budget(
            budget_id=budget.pk,
            actor=person("cy@example.com", sibling, "finance", "approve_budget"),
            reason="ok",
            at=AT,
        )
