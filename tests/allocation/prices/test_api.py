"""Prices asked for: over HTTP and on the command line."""

from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from allocation.prices.models import PriceBook
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client
from tests.allocation.declared_documents import BOOK
from tests.allocation.prices.commands import run
from tests.allocation.prices.operations.test_exchange_rates import apply_rates
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.usage.engine.test_charges import DISCOUNTED


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(AT, tick=False):
        yield


def test_prices_in_force_with_list_price(acme: Scope, client_of: Client) -> None:
    apply_book(DISCOUNTED)
    http = client_of(acme)
    found = http.get("/api/v1/prices?model=gpt-4o&meter=input").json()["results"]
    assert [(one["book"], one["unit_price"], one["list_unit_price"], one["currency"]) for one in found] == [
        ("zz-order-form", "2.25", "2.5", "USD")
    ]  # fmt: skip
    assert http.get("/api/v1/prices?at=2025-12-31T00:00:00Z").json()["results"] == []
    assert http.get("/api/v1/prices?meters=input").status_code == 400


def test_a_team_does_not_see_the_organisations_contracts(acme: Scope, search: Scope, client_of: Client) -> None:
    apply_book()
    apply_rates()
    http = client_of(search)
    paths = ("prices", "price-books", "exchange-rates")
    assert [http.get(f"/api/v1/{path}").json()["results"] for path in paths] == [[], [], []]


@pytest.mark.parametrize("versions", [1, 3])
def test_books_and_their_former_versions(
    acme: Scope, client_of: Client, versions: int, django_assert_num_queries: Any
) -> None:
    for version in range(versions):
        apply_book(BOOK.replace('"2.00"', f'"{version + 1}.00"'))
    http = client_of(acme)
    http.get("/api/v1/price-books")
    with CaptureQueriesContext(connection) as queries:
        found = http.get("/api/v1/price-books?current=false").json()["results"]
    assert len(found) == versions
    assert len(queries) == 2
    (current,) = http.get("/api/v1/price-books").json()["results"]
    assert (current["version"], current["prices"], current["basis"]) == (versions, 6, "list")
    assert http.get(f"/api/v1/price-books/{current['id']}").json() == current
    assert http.get("/api/v1/price-books/0").status_code == 404


def test_exchange_rates_as_stated(acme: Scope, client_of: Client) -> None:
    apply_rates()
    found = client_of(acme).get("/api/v1/exchange-rates?from_currency=EUR").json()["results"]
    assert [(one["effective_from"], one["rate"]) for one in found] == [
        ("2026-11-24", "1.10000000"), ("2026-11-20", "1.08000000"),
    ]  # fmt: skip


def test_what_differs_between_versions_books_lists_and_the_catalogue(acme: Scope, tmp_path: Path) -> None:
    apply_book()
    apply_book(BOOK.replace('"2.00"', '"3.00"').replace('"3.6"', '"3.60"'))
    assert run("diff", "contract") == [
        "~ openai/gpt-4o input: 2 → 3 (+50.00 %)",
        "contract v1 against contract v2: 1 differ, 0 only in contract v1, 0 only in contract v2, 5 the same.",
    ]
    assert run("diff", "contract", "contract@1")[0] == "~ openai/gpt-4o input: 3 → 2 (-33.33 %)"
    against = run("diff", "contract", "--catalogue")
    assert "~ openai/gpt-4o input: 3 → 2.5 (-16.67 %)" in against
    assert "+ openai/gpt-4o cached_input: 1.25" in against
    assert "- self/llama-* gpu_hour: 3.6" in against
    file = tmp_path / "list.csv"
    file.write_text("provider,model,input,output\nopenai,gpt-4o,3.00,9\nopenai,new,1,\n")
    assert run("diff", "contract", "--file", file, "--format", "csv")[:2] == [
        "~ openai/gpt-4o output: 8 → 9 (+12.50 %)",
        "- openai/gpt-4o flex input: 1",
    ]
    with pytest.raises(CommandError, match="no price book none"):
        run("diff", "none")
    with pytest.raises(CommandError, match="no price book contract version 9"):
        run("diff", "contract", "contract@9")
    assert PriceBook.objects.count() == 2


def test_the_admin_leads_from_a_book_to_its_prices_former_versions_too(acme: Scope) -> None:
    apply_book()
    apply_book(BOOK.replace('"2.00"', '"3.00"'))
    browser = Browser()
    user = User.objects.create_superuser("root@example.com", "a long password")
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    former = PriceBook.objects.get(version=1)
    assert f"?book__id__exact={former.pk}" in browser.get("/admin/allocation/pricebook/").content.decode()
    shown = {
        query: [row.book_id for row in browser.get(f"/admin/allocation/price/{query}").context["cl"].result_list]
        for query in ("", f"?book__id__exact={former.pk}", "?former=1")
    }
    assert [len(rows) for rows in shown.values()] == [6, 6, 12]
    assert set(shown[f"?book__id__exact={former.pk}"]) == {former.pk}
