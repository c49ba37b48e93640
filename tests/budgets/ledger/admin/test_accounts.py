from django.utils import timezone

from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import Propose, account_of, browser, use

NOW = timezone.now()


def test_an_account_shows_its_entries_and_how_its_spending_differs_from_the_budgets(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "100", at=NOW)
    approve(search, "30", at=NOW)
    use(acme, "2.5", on=NOW.date(), at=NOW)
    use(search, "10", on=NOW.date(), at=NOW)
    account = account_of(acme, day=NOW.date())
    page = browser(finance).get(f"/admin/budgets/account/{account.pk}/change/").content.decode()
    assert (
        "2.50 USD was spent from this account, by acme and what lies below it without a budget of its own. The budget"
        " has used 12.50 USD: that and 10.00 USD spent from the budgets below it, to which 30.00 USD was granted."
    ) in page
    for entry in ("+100.00 USD", "to acme/search", "−30.00 USD", "Latest usage", "−2.50 USD"):
        assert entry in page


def test_an_account_with_no_budget_below_says_that_both_are_the_same(
    acme: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "100", at=NOW)
    use(acme, "2.5", on=NOW.date(), at=NOW)
    account = account_of(acme, day=NOW.date())
    page = browser(finance).get(f"/admin/budgets/account/{account.pk}/change/").content.decode()
    assert (
        "2.50 USD was spent from this account, and that is what the budget has used: no budget lies below it." in page
    )
