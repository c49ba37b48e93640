"""The page on price coverage: what prices which usage, and what has no price."""

import pytest
import time_machine
from django.test import Client
from django.utils.html import strip_tags

from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.conftest import AT, event, make_organisation
from tests.allocation.coverage.queries.test_prices import used
from tests.allocation.prices.operations.test_price_books import apply_book

PAGE = "/admin/allocation/pricebook/coverage/"


def words(client: Client, address: str = PAGE) -> str:
    with time_machine.travel(AT, tick=False):
        return " ".join(strip_tags(client.get(address).content.decode()).split())


@pytest.fixture
def finops(acme: Scope) -> Client:
    return signed_in(person("fin@acme.example", "finops", acme))


def test_it_names_what_prices_each_model_what_is_left_out_and_what_has_no_price(acme: Scope, finops: Client) -> None:
    apply_book("""
apiVersion: weir/v1
kind: PriceBook
metadata: {name: own}
spec:
  organisation: acme
  prices:
    - {provider: self, model: "llama-*", effective_from: 2026-01-01, input: 1, output: 2}
    - {provider: self, model: painter, effective_from: 2026-01-01, input: 1, output: 2}
""")
    used(
        acme,
        {"provider": "self", "model": "llama-70b"},
        {"provider": "self", "model": "painter", "quantities": {"image": 2, "web_search": 1}, "requests": 2},
        {"model": "gpt-4o-2024-08-06"},
        {"model": "gpt-nobody", "service_tier": "batch", "requests": 3},
        {"model": "gpt-4o", "tokens": {}},
    )
    record_usage(events=[event(model="foreign")], key_scope_id=make_organisation("globex").pk, at=AT)
    page = words(finops)
    assert (
        "0.0059 USD is too low: 3 requests have no price, 1 request does not say what was used and the cost of"
        " 2 requests leaves something out."
    ) in page
    assert "50.0 % of 8" in page
    assert "Unmeasured. 1 of the requests without a cost do not say what was used" in page
    assert "Model Requests Tokens openai/gpt-nobody, batch 3 1,100 " in page
    assert "Model Left out Requests self/painter image, web search 2 " in page
    assert "self/llama-70b self/llama-* pricebook:own a pattern 1 1,100 " in page
    assert "openai/gpt-4o-2024-08-06 openai/gpt-4o genai-prices another of its names 1 1,100 " in page
    assert "openai/gpt-4o openai/gpt-4o genai-prices its own name 1 0 – " in page
    assert "foreign" not in page


def test_usage_that_is_priced_as_a_whole_leaves_nothing_out(acme: Scope, finops: Client) -> None:
    used(acme, {})
    page = words(finops)
    assert "0.0035 USD leaves nothing out: every request has a price." in page
    assert "Without a price." not in page
    assert "Priced in part." not in page


def test_without_usage_that_is_said(finops: Client) -> None:
    assert "No usage in these days that you may see." in words(finops)


@pytest.mark.parametrize("address", ["/admin/allocation/pricebook/", "/admin/policies/datagap/"])
def test_books_and_data_gaps_lead_to_it(finops: Client, address: str) -> None:
    assert PAGE in finops.get(address).content.decode()


def test_what_a_pattern_found_comes_first_and_then_the_highest_cost(acme: Scope, finops: Client) -> None:
    by_pattern = {"provider": "anthropic", "model": "claude-sonnet-4-5-20250929"}
    used(acme, {"model": "gpt-4o-mini"}, {"model": "gpt-4o"}, by_pattern)
    page = words(finops)
    models = ("anthropic/claude-sonnet-4-5-20250929", "openai/gpt-4o", "openai/gpt-4o-mini")
    places = [page.index(f" {model} ") for model in models]
    assert places == sorted(places)
