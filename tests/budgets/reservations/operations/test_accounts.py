from budgets.ledger.models import Account
from budgets.ledger.queries import charged_accounts, coverage_version
from budgets.reservations.operations.accounts import account_of, held_account, held_accounts
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.budgets.conftest import AT, Propose
from tests.budgets.conftest import account_of as account


def test_it_is_held_on_the_account_that_would_be_charged_in_one_place_for_the_organisation(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "10")
    current = charged_accounts(coverage_version(), scope_tree())
    assert account_of(current, scope_id=ranker.pk, unit="money", at=AT) == account(search).pk
    assert account_of(current, scope_id=ranker.pk, unit="tokens", at=AT) is None
    where = held_account(current, root_id=acme.pk, unit="money", at=AT)
    assert Account.objects.get(pk=where).kind == "held"
    again = charged_accounts(coverage_version(), scope_tree())
    assert held_account(again, root_id=acme.pk, unit="money", at=AT) == where
    both = {account(acme).pk, account(search).pk}
    assert held_accounts(both, scope_tree()) == dict.fromkeys(both, where)
