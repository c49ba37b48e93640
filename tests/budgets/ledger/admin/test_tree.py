"""Where the money is: sums that can be seen to agree, and a difference that is said."""

import re
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from budgets.ledger.admin.tree import _of_account
from budgets.ledger.queries.tree import Division, Line, Parts
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, account_of, browser, person, use
from tests.budgets.reservations.held import held

NOW = timezone.now()
PAGE = "/admin/budgets/account/tree/"


def lines(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr>\s*<td>.*?</tr>", page, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in rows
    ]


def test_finance_opens_the_tree_level_by_level(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "1000", at=NOW - timedelta(seconds=1))
    approve(search, "300", at=NOW - timedelta(seconds=1))
    use(ranker, "120.5", on=NOW.date(), at=NOW)
    held(search, "50", at=NOW)
    client = browser(finance)

    top = client.get(PAGE).content.decode()
    assert [line[1:] for line in lines(top)] == [["1,000.00 USD", "120.50 USD", "50.00 USD", "829.50 USD"]]
    address = re.search(r'href="(/admin/budgets/account/tree/\?account=\d+)"', top)
    assert address is not None
    page = client.get(address[1]).content.decode()
    assert [(line[0].split()[0], *line[1:]) for line in lines(page)] == [
        ("Kept", "700.00 USD", "0.00 USD", "0.00 USD", "700.00 USD"),
        ("acme/search", "300.00 USD", "120.50 USD", "50.00 USD", "129.50 USD"),
        ("Added", "1,000.00 USD", "120.50 USD", "50.00 USD", "829.50 USD"),
        ("The", "1,000.00 USD", "120.50 USD", "50.00 USD", "829.50 USD"),
    ]
    assert "add up to the whole, in each column and in each line" in page


def test_others_accounts_are_not_opened(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "1000", at=NOW - timedelta(seconds=1))
    approve(search, "300", at=NOW)
    other = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=NOW)
    team, stranger = (person(f"{at.slug}@example.com", at, "finance", "approve_budget") for at in (search, other))
    own = account_of(search, day=NOW.date()).pk
    above = account_of(acme, day=NOW.date()).pk

    page = browser(team).get(f"{PAGE}?account={own}").content.decode()
    assert "300.00 USD" in page
    assert f"account={above}" not in page
    for client, account in ((team, above), (stranger, own), (team, "x"), (team, "9" * 30)):
        assert browser(client).get(f"{PAGE}?account={account}").status_code == 404
    assert "No budget is in force." in browser(stranger).get(PAGE).content.decode()


def test_a_difference_is_said(search: Scope, approve: Propose) -> None:
    approve(search, "300", at=NOW)
    account = account_of(search, day=NOW.date())
    whole = Line(account, Parts(Decimal(300), Decimal(100), available=Decimal(190)), has_below=True)
    kept = Parts(Decimal(300), Decimal(98), available=Decimal(190))
    shown = _of_account(Division(whole, kept, [], first=0, others=Parts(), others_count=0))
    assert (shown["agrees"], shown["lost"]) == (False, [("spent", "2.00 USD")])
    assert shown["whole"].difference == "10.00 USD"  # type: ignore[attr-defined]  # of a context
