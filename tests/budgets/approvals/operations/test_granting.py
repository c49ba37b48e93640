"""Granting more, alone or by two."""

from decimal import Decimal

import pytest

from budgets.approvals.models import GrantProposal
from budgets.approvals.operations import approve_grant, grant_more, withdraw_grant
from budgets.plans.errors import InsufficientFunds
from governance.errors import ReasonMissing, RightRequired
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, person


def test_a_grant_that_the_budget_above_cannot_pay_waits_until_it_can(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "150")
    budget = approve(search, "100")
    second = person("zoe@example.com", acme, "finance", "approve_budget")
    asked = grant_more(budget_id=budget.pk, amount=Decimal(101), actor=finance, reason="more", at=AT)
    assert isinstance(asked, GrantProposal)

    with pytest.raises(InsufficientFunds):
        approve_grant(budget_id=budget.pk, actor=second, reason="ok", at=AT)

    asked.refresh_from_db()
    assert (asked.status, account_of(search).funded) == ("waiting", Decimal(100))


def test_who_may_decide_withdraws_and_says_why(search: Scope, approve: Propose, author: Actor, finance: Actor) -> None:
    budget = approve(search, "100")
    grant_more(budget_id=budget.pk, amount=Decimal(5), actor=finance, reason="more", at=AT)
    with pytest.raises(RightRequired):
        withdraw_grant(budget_id=budget.pk, actor=author, reason="no", at=AT)
    with pytest.raises(ReasonMissing):
        withdraw_grant(budget_id=budget.pk, actor=finance, reason=" ", at=AT)
    withdraw_grant(budget_id=budget.pk, actor=finance, reason="no", at=AT)
    asked_again = grant_more(budget_id=budget.pk, amount=Decimal(5), actor=finance, reason="more", at=AT)
    assert isinstance(asked_again, GrantProposal)
