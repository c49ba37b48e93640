from datetime import date
from decimal import Decimal

from budgets.ledger.models import Transfer
from budgets.ledger.queries import budget_facts
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, use


def test_usage_before_approval_counts_once_and_leaves_the_budget_above(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    use(ranker, "7", on=date(2026, 11, 3))
    use(ranker, "100", on=date(2026, 10, 31))
    approve(acme, "60")
    assert account_of(acme).spent == Decimal(7)
    use(search, "3")

    approve(search, "60")

    assert (account_of(acme).spent, account_of(search).spent) == (Decimal(0), Decimal(10))
    assert budget_facts(scope_ids=[acme.pk], unit="money", at=AT)[acme.pk].used == Decimal(10)
    moved = Transfer.objects.filter(kind="adjust").order_by("pk").values_list("occurred_on", "amount")
    assert list(moved) == [(date(2026, 11, 3), Decimal(7)), (date(2026, 11, 24), Decimal(3))]
