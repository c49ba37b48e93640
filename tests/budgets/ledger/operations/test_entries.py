from decimal import Decimal

import pytest

from budgets.ledger.models import Transfer
from budgets.plans.errors import InsufficientFunds
from governance.scopes.models import Scope
from tests.budgets.conftest import Propose, account_of


def test_a_child_takes_its_money_out_of_the_parent_and_never_more_than_there_is(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "70")
    with pytest.raises(InsufficientFunds, match=r"acme/search has 70\.00 USD available") as refused:
        approve(ranker, "70.01")

    assert refused.value.extra == {"available": "70"}
    assert (account_of(acme).funded, account_of(acme).granted_out) == (Decimal(100), Decimal(70))
    assert (account_of(search).funded, account_of(search).granted_out) == (Decimal(70), Decimal(0))
    kinds = Transfer.objects.order_by("pk").values_list(
        "kind", "amount", "credit_account__kind", "debit_account__scope"
    )
    assert list(kinds) == [("fund", Decimal(100), "source", acme.pk), ("grant", Decimal(70), "budget", search.pk)]
