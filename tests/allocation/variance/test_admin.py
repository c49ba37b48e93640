from collections.abc import Sequence
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from governance.organisations.operations import create_scope
from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, make_organisation
from tests.allocation.variance.used import AT, call, use

pytestmark = pytest.mark.django_db


def finance(*scopes: Scope) -> Client:
    user = User.objects.create_user("fay@acme.example", "a long password", is_staff=True)
    for scope in scopes:
        Ownership.objects.create(scope=scope, user=user, persona="finance")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


PAGE = "/admin/allocation/usageday/what-moved/"


def test_the_page_shows_the_waterfall_the_models_and_the_scopes(acme: Scope, usage: None) -> None:
    make_organisation("globex")
    with time_machine.travel(AT):
        page = finance(acme).get(PAGE).content.decode()
    for sentence in (
        "Cost rose by 10.15 USD (+203.0 %), from 5.00 to 15.15",
        "Before (2026-09): 5.00 USD. ",
        "After (2026-10): 15.15 USD. ",
        "gpt-4o-mini",
        "entered",
        "acme/search",
        "Tokens per request",
        "<dt>Requests</dt>",
        "Volume is counted in requests: ",
    ):
        assert sentence in page
    assert "globex" not in page
    [records] = [link for link in links(page) if "gpt-4o-mini" in link and "gte=2026-10-01" in link]
    assert finance_again().get(records).context["cl"].result_count == 1


def test_where_it_moved_sums_to_its_total(acme: Scope) -> None:
    """More scopes than rows: the smallest changes share one."""
    for number in range(15):
        create_scope(slug=f"team-{number}", kind="team", parent=acme, actor=SYSTEM, at=AT)
    use(
        acme,
        *((9, call(number + 1, scope=f"acme/team-{number}")) for number in range(15)),
        *((10, call(number * 3, 1, scope=f"acme/team-{number}")) for number in range(1, 15)),
        (10, call(1, scope="acme")),
    )
    with time_machine.travel(AT):
        context = finance(acme).get(f"{PAGE}?scope=acme").context
    rows = context["scopes"]
    assert (len(rows), rows[-1].path) == (12, "5 others")

    def figure(text: str) -> Decimal:
        return Decimal(text.replace("−", "-").replace(",", ""))

    assert sum(figure(row.change) for row in rows) == figure(context["change"])
    for place, total in enumerate(context["total"]):
        assert abs(sum(figure(row.effects[place]) for row in rows) - figure(total)) <= Decimal("0.06")


def test_a_running_month_says_how_it_is_compared(acme: Scope) -> None:
    use(acme, (10, call(1)), (11, call(2)))
    with time_machine.travel(AT):
        page = finance(acme).get(
            f"{PAGE}?scope=acme&first=2026-11-01&last=2026-11-30&against_first=2026-10-01&against_last=2026-10-31"
        )
    assert "2026-11 still runs: its first 23 days so far, until 2026-11-23, against the first 23 days of 2026-10." in (
        page.content.decode()
    )


def test_a_scopes_page_leads_to_it(acme: Scope, usage: None) -> None:
    client = finance(acme)
    search = Scope.objects.get(path="acme/search")
    assert "what-moved" in client.get(f"/admin/governance/scope/{search.pk}/change/").content.decode()
    page = client.get(f"/admin/governance/scope/{search.pk}/what-moved/")
    assert page["Location"] == f"{PAGE}?scope=acme%2Fsearch"
    assert client.get(page["Location"]).status_code == 200


def finance_again() -> Client:
    client = Client()
    client.force_login(User.objects.get(email="fay@acme.example"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def links(page: str) -> Sequence[str]:
    import re
    from html import unescape

    return [unescape(link) for link in re.findall(r'href="([^"]*)"', page)]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?scope=globex", "is not one of the available choices"),
        ("?first=2026-10-09&last=2026-10-01", "The last day comes before the first."),
        ("?first=x", "Enter a valid date."),
        ("?first=2026-01-01&last=2026-01-31&against_first=2025-12-01&against_last=2025-12-31", "Nothing was used"),
    ],
)
def test_the_page_says_what_is_wrong(acme: Scope, usage: None, query: str, sentence: str) -> None:
    make_organisation("globex")
    page = finance(acme).get(f"{PAGE}{query}")
    assert page.status_code == 200
    assert sentence in page.content.decode()


def test_who_has_no_scope_sees_no_page(acme: Scope) -> None:
    assert finance().get(PAGE).status_code == 403
