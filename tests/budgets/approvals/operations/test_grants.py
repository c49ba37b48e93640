from datetime import UTC, datetime
from decimal import Decimal

import pytest

from budgets.approvals.operations import give_back, grant_more
from budgets.ledger.operations import open_periods
from budgets.plans.errors import FourEyes, InsufficientFunds
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of


def test_more_is_granted_for_the_current_period_only(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "150")
    budget = approve(search, "100")

    grant_more(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="launch", at=AT)
    with pytest.raises(InsufficientFunds, match=r"acme has 0\.00 USD available"):
        grant_more(budget_id=budget.pk, amount=Decimal("0.01"), actor=finance, reason="more", at=AT)

    assert account_of(search).funded == Decimal(150)
    december = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    open_periods(at=december)
    assert account_of(search, day=december.date()).funded == Decimal(100)
    assert DecisionRecord.objects.filter(action="budget.grant", user=finance.user).count() == 1


def test_nobody_grants_more_to_a_budget_of_their_own(search: Scope, approve: Propose, author: Actor) -> None:
    budget = approve(search, "100")
    author.user.is_superuser = True
    author.user.save()

    with pytest.raises(FourEyes):
        grant_more(budget_id=budget.pk, amount=Decimal(1), actor=author, reason="more", at=AT)

    assert account_of(search).funded == Decimal(100)


def test_giving_back_frees_money_above_but_not_what_is_granted_on(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "100")
    budget = approve(search, "60")
    approve(ranker, "40")

    with pytest.raises(InsufficientFunds, match=r"20\.00 USD that is not granted"):
        give_back(budget_id=budget.pk, amount=Decimal(21), actor=finance, reason="less", at=AT)
    give_back(budget_id=budget.pk, amount=Decimal(20), actor=finance, reason="less", at=AT)

    assert (account_of(search).funded, account_of(acme).granted_out) == (Decimal(40), Decimal(40))
