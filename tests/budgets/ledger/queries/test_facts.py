from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from budgets.ledger.queries import budget_facts
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, use


def test_an_approved_budget_is_funded_for_its_period_and_says_what_is_left(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    budget = approve(search, "100")

    use(search, "40.5")

    facts = budget_facts(scope_ids=[search.pk, acme.pk], unit="money", at=AT)[search.pk]
    assert facts.budget_id == budget.pk
    assert (facts.amount, facts.used, facts.remaining) == (Decimal(100), Decimal("40.5"), Decimal("59.5"))
    assert facts.used_ratio == Decimal("0.405")
    assert facts.period_start == datetime(2026, 11, 1, tzinfo=UTC)
    assert facts.period_end == datetime(2026, 12, 1, tzinfo=UTC)
    assert facts.daily_share == Decimal("3.333333333")


def test_spending_may_exceed_a_budget_and_shows(search: Scope, approve: Propose) -> None:
    approve(search, "10")

    use(search, "12")

    facts = budget_facts(scope_ids=[search.pk], unit="money", at=AT)[search.pk]
    assert (facts.remaining, facts.used_ratio) == (Decimal(-2), Decimal("1.2"))


def test_facts_of_many_scopes_take_few_queries(acme: Scope, approve: Propose, django_assert_num_queries: Any) -> None:
    teams = [create_scope(slug=f"t{n}", kind="team", parent=acme, actor=SYSTEM, at=AT) for n in range(20)]
    for team in teams:
        approve(team, "10")

    with django_assert_num_queries(3):
        facts = budget_facts(scope_ids=[team.pk for team in teams], unit="money", at=AT)

    assert len(facts) == 20
