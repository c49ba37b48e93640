from typing import Any

import pytest
from django.db import transaction

from budgets.ledger.operations.locks import lock_for_posting
from budgets.ledger.queries import coverage_version
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.budgets.conftest import Propose


@pytest.mark.django_db(transaction=True)
def test_the_version_of_the_accounts_is_that_under_the_lock(
    acme: Scope, approve: Propose, django_assert_num_queries: Any
) -> None:
    scope_tree()
    with transaction.atomic(), django_assert_num_queries(1):
        before, _ = lock_for_posting()
    approve(acme, "10")
    with transaction.atomic():
        after, _ = lock_for_posting()
    assert (before is None or before != after, after) == (True, coverage_version())
