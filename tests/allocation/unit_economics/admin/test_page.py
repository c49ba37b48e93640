import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as DjangoClient
from django.urls import reverse

from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost
from tests.allocation.conftest import AT, SHARED, SYSTEM, needs_shared_data
from tests.allocation.unit_figures import NOVEMBER, use

RUNS = SHARED / "taubench" / "gpt-4o-airline.json"


@pytest.fixture
def admin(client: DjangoClient, acme: Scope) -> DjangoClient:
    del acme
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    return client


def page_of(scope: Scope, query: str = "?since=2026-11-01&until=2026-12-01&trend=week") -> str:
    return reverse("admin:allocation_scopeeconomics_change", args=[scope.pk]) + query


@needs_shared_data
def test_the_page_shows_the_agent_against_a_single_shot_and_leads_to_its_records(
    admin: DjangoClient, search: Scope
) -> None:
    call_command("outcomes", "import-taubench", str(RUNS), "--scope", "acme/search", "--start", "2026-11-02")
    accept_unit_cost(
        scope=search, unit="action", amount=Decimal("0.05"), reason="As planned.", effective_from=NOVEMBER[0],
        actor=SYSTEM, at=AT,
    )  # fmt: skip
    page = admin.get(page_of(search)).content.decode()
    assert "20.95 ×" in page
    assert "6,735,492 tokens of all calls of tasks ÷ 321,494 tokens of their first calls" in page
    assert "accepted: 0.05 USD" in page
    assert re.search(r"▲ \+\d+\.\d %", page)
    assert '<td class="text">outcome</td><td>200</td><td>84</td><td>42.0 %</td>' in page
    assert sum(int(count) for count in re.findall(r'text-anchor="middle">(\d+)</text>', page)) == 200
    links = set(re.findall(r'href="(/admin/allocation/[^"]*below[^"]*)"', page))
    counts = {(link.split("/")[3], admin.get(unescape(link)).context["cl"].result_count) for link in links}
    assert counts == {("task", 200), ("outcome", 84), ("usageday", 9), ("usageday", 0), ("usagerecord", 0)}


def test_the_page_draws_what_is_chosen_and_says_what_is_missing(admin: DjangoClient, acme: Scope) -> None:
    use(acme, {"cost": Decimal(6), "requests": 4, "operation": "embeddings", "scope": None})
    page = admin.get(page_of(acme, "?since=2026-11-01&until=2026-12-01&trend=month&unit=1k_tokens")).content.decode()
    assert "Cost per 1,000 tokens, by month, in USD" in page
    assert "No priced inference." in page
    assert "No task began." in page
    assert re.search(r'aria-current="true" href="[^"]*&amp;trend=month&amp;unit=1k_tokens"', page)
    assert "retrieval</a> 100.0 %, 6.00 USD" in page


def test_a_wrong_period_is_reported_above_the_page_of_the_month(admin: DjangoClient, acme: Scope) -> None:
    for query in ("?since=2026-11-02&until=2026-11-01", "?since=yesterday", "?trend=year"):
        answer = admin.get(page_of(acme, query))
        assert answer.status_code == 200
        assert [str(message) for message in answer.context["messages"]] != []


def test_the_list_shows_every_scopes_month_with_what_lies_below(
    admin: DjangoClient, acme: Scope, time_machine: Any
) -> None:
    time_machine.move_to(AT)
    use(acme, {"cost": Decimal(6), "requests": 4, "scope": "acme/search/ranker"}, {"cost": Decimal(1)})
    page = admin.get(reverse("admin:allocation_scopeeconomics_changelist")).content.decode()
    cells = [cell.strip() for cell in re.findall(r"field-number[^>]*>([^<]*)<", page)]
    numbers_of_a_scope = 7
    assert list(zip(cells[::numbers_of_a_scope], cells[1::numbers_of_a_scope], strict=True)) == [
        ("7.00 USD", "1.40"), ("–", "–"), ("7.00 USD", "1.40"), ("6.00 USD", "1.50"), ("–", "–"),
    ]  # fmt: skip


def test_who_owns_another_scope_does_not_see_the_page(client: DjangoClient, acme: Scope, search: Scope) -> None:
    user = User.objects.create_user("ada@acme.example", "a long password", is_staff=True)
    Ownership.objects.create(scope=search, user=user, persona="engineering")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(page_of(search)).status_code == 200
    assert client.get(page_of(Scope.objects.get(path="acme/ads"))).status_code == 302
    scope_page = reverse("admin:governance_scope_change", args=[search.pk])
    assert "unit-economics" in client.get(scope_page).content.decode()
