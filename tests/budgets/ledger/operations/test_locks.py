import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from budgets.ledger.operations.locks import lock_for_posting
from budgets.ledger.queries import coverage_version
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.budgets.conftest import Propose


@pytest.mark.django_db(transaction=True)
def test_the_version_of_the_accounts_is_that_under_the_lock(
    acme: Scope, approve: Propose, messages: list[list[str]]
) -> None:
    scope_tree()
    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        before, _ = lock_for_posting()
    assert (len(messages), len(captured)) == (1, 3), "all that is asked goes in one message"
    approve(acme, "10")
    with transaction.atomic():
        after, _ = lock_for_posting()
    assert (before is None or before != after, after) == (True, coverage_version())
