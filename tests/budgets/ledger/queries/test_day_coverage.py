from datetime import UTC, datetime
from decimal import Decimal

from budgets.ledger.queries import budget_facts
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, use


def test_a_charge_falls_on_the_nearest_budget_and_counts_above(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "50")

    use(ranker, "30")
    use(acme, "5")

    assert (account_of(search).spent, account_of(acme).spent) == (Decimal(30), Decimal(5))
    facts = budget_facts(scope_ids=[acme.pk, search.pk], unit="money", at=AT)
    assert {scope: item.used for scope, item in facts.items()} == {acme.pk: Decimal(35), search.pk: Decimal(30)}
    assert facts[acme.pk].available == Decimal(45)


def test_each_unit_has_its_own_nearest_budget(acme: Scope, search: Scope, ranker: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "1000", unit="tokens")
    approve(ranker, "2", unit="gpu_hours", period="quarter")

    use(ranker, "1.25", tokens=400, requests=3, gpu_seconds="1000")

    assert account_of(acme).spent == Decimal("1.25")
    assert account_of(search, "tokens").spent == Decimal(400)
    facts = budget_facts(scope_ids=[ranker.pk], unit="gpu_hours", at=AT)[ranker.pk]
    assert (facts.amount, facts.used, facts.period_start) == (
        Decimal(2),
        Decimal("0.277777778"),
        datetime(2026, 10, 1, tzinfo=UTC),
    )
