from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budgets.approvals.operations import create_budget
from budgets.ledger.operations import open_periods
from budgets.plans.models import Budget
from governance.errors import DomainError
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, grant_by_two, use


def test_a_new_version_grants_or_returns_the_difference_and_keeps_the_account(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "200")
    first = approve(search, "100")
    use(search, "30")
    grant_by_two(budget_id=first.pk, amount=Decimal(5), actor=finance, reason="once", at=AT)

    second = approve(search, "120")
    assert (account_of(search).funded, account_of(search).spent) == (Decimal(125), Decimal(30))
    third = approve(search, "90")

    account = account_of(search)
    assert (account.funded, account.budget_id, account_of(acme).granted_out) == (Decimal(95), third.pk, Decimal(95))
    versions = Budget.objects.filter(scope=search).order_by("pk").values_list("status", "supersedes")
    assert list(versions) == [("ended", None), ("ended", first.pk), ("approved", second.pk)]


def test_a_version_for_a_later_period_leaves_this_one_alone(search: Scope, approve: Propose) -> None:
    first = approve(search, "100")
    second = approve(search, "300", starts_on=date(2026, 12, 1))

    assert account_of(search).funded == Decimal(100)
    december = datetime(2026, 12, 15, tzinfo=UTC)
    open_periods(at=december)
    assert account_of(search, day=december.date()).budget_id == second.pk
    assert account_of(search, day=december.date()).funded == Decimal(300)
    first.refresh_from_db()
    assert (first.status, first.ends_on) == ("ended", date(2026, 12, 1))


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"amount": "0"}, "greater than zero"),
        ({"amount": "-1"}, "greater than zero"),
        ({"amount": "NaN"}, "greater than zero"),
        ({"amount": "0.0000000001"}, "nine decimal places"),
        ({"amount": "1e15"}, "15 digits"),
        ({"amount": "1.5", "unit": "tokens"}, "whole number"),
        ({"amount": "1", "unit": "euros"}, "Unknown unit"),
        ({"amount": "1", "period": "week"}, "Unknown period"),
        ({"amount": "1", "currency": "EUR"}, "counted in USD"),
        ({"amount": "1", "unit": "tokens", "currency": "USD"}, "has no currency"),
        ({"amount": "1", "starts_on": date(2026, 11, 2)}, "2026-11-01 or 2026-12-01"),
        ({"amount": "1", "ends_on": date(2026, 11, 1)}, "after today"),
        ({"amount": "1", "name": "a b"}, "no name"),
    ],
)
def test_terms_are_refused_with_a_sentence(
    search: Scope, author: Actor, terms: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DomainError, match=sentence):
        create_budget(scope=search, actor=author, at=AT, **{**terms, "amount": Decimal(terms["amount"])})

    assert Budget.objects.count() == 0
