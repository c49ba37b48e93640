from decimal import Decimal

import pytest

from budgets.approvals.operations import approve_budget
from budgets.ledger.models import Account
from budgets.plans.errors import (
    ChangedSinceSeen,
    InsufficientFunds,
    PeriodLongerThanParent,
)
from budgets.plans.models import Budget
from governance.errors import Invalid
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of


def test_a_decision_needs_a_reason_and_what_was_seen(search: Scope, propose: Propose, finance: Actor) -> None:
    budget = propose(search, "100")

    with pytest.raises(Invalid, match="reason"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="  ", at=AT)
    with pytest.raises(ChangedSinceSeen, match=r"100\.00 USD"):
        approve_budget(budget_id=budget.pk, actor=finance, reason="ok", at=AT, expected_amount=Decimal(99))

    assert Budget.objects.get().status == "submitted"


def test_a_budget_approved_above_another_takes_it_into_its_care(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(ranker, "20")
    approve(search, "50")
    with pytest.raises(InsufficientFunds, match=r"at least 50\.00 USD"):
        approve(acme, "49.99")
    Budget.objects.filter(status="submitted").update(status="withdrawn")

    approve(acme, "80")

    funded = {
        account.scope_id: (account.funded, account.granted_out) for account in Account.objects.filter(kind="budget")
    }
    assert funded == {
        acme.pk: (Decimal(80), Decimal(50)),
        search.pk: (Decimal(50), Decimal(20)),
        ranker.pk: (Decimal(20), Decimal(0)),
    }
    assert account_of(search).parent == account_of(acme)


def test_a_longer_period_cannot_be_funded_from_a_shorter_one(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, propose: Propose
) -> None:
    approve(search, "100", period="quarter")

    with pytest.raises(PeriodLongerThanParent, match="choose month or quarter"):
        propose(ranker, "10", period="year")
    with pytest.raises(PeriodLongerThanParent, match="choose quarter or longer"):
        propose(acme, "500", period="month")
