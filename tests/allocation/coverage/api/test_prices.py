from typing import Any

import pytest
import time_machine

from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client, event
from tests.allocation.prices.commands import run
from tests.allocation.prices.operations.test_price_books import apply_book


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(AT, tick=False):
        yield


def use(acme: Scope) -> None:
    apply_book()
    calls = [
        event(), event(), event(model="gpt-3.5-turbo", tokens={"input": 700, "output": 100}),
        event(model="unknown-small", tokens={"input": 100}), event(model="unknown-large", tokens={"input": 900}),
        event(status="error"),
    ]  # fmt: skip
    assert record_usage(events=calls, key_scope_id=acme.pk, at=AT).accepted == 6


def test_coverage_says_who_priced_what_and_what_nobody_did(acme: Scope, client_of: Client) -> None:
    use(acme)
    found = client_of(acme).get("/api/v1/prices/coverage?scope=acme/search").json()
    assert {name: found[name] for name in ("requests", "tokens", "failed_requests", "scopes")} == {
        "requests": 5, "tokens": 4000, "failed_requests": 1, "scopes": ["acme/search"],
    }  # fmt: skip
    assert (found["priced_requests_ratio"], found["priced_tokens_ratio"]) == ("0.6000", "0.7500")
    assert [(one["model"], one["entry_source"], one["entry"], one["matched"]) for one in found["models"]][:2] == [
        ("gpt-4o", "pricebook:contract", "openai/gpt-4o", "exact"), ("unknown-large", "", "", ""),
    ]  # fmt: skip
    assert found["partly_unpriced_requests"] == 0
    assert [(one["price_source"], one["requests"], one["tokens"]) for one in found["sources"]] == [
        ("pricebook:contract", 2, 2200), ("genai-prices", 1, 800),
    ]  # fmt: skip
    assert [one["model"] for one in found["unpriced"]] == ["unknown-large", "unknown-small"]
    assert [one["unmeasured_requests"] for one in found["unpriced"]] == [0, 0]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("since=2026-11-24T13:00:00Z", 400), ("since=2026-01-01T00:00:00Z", 400), ("until=x", 400), ("month=1", 400),
        ("scope=acme/none", 404),
    ],
)  # fmt: skip
def test_a_coverage_that_cannot_be_told_is_refused(acme: Scope, client_of: Client, query: str, status: int) -> None:
    assert client_of(acme).get(f"/api/v1/prices/coverage?{query}").status_code == status


def test_coverage_of_nothing(acme: Scope, client_of: Client) -> None:
    found = client_of(acme).get("/api/v1/prices/coverage").json()
    assert (found["requests"], found["priced_requests_ratio"], found["unpriced"]) == (0, None, [])


def test_the_command_tells_coverage_too(acme: Scope) -> None:
    use(acme)
    assert run("coverage", "--scope", "acme") == [
        "5 requests with 4,000 tokens; 1 more failed.",
        "Priced: 60.0 % of the requests, 75.0 % of the tokens.",
        "  pricebook:contract: 2 requests, 2,200 tokens, cost 0.0056",
        "  genai-prices: 1 requests, 800 tokens, cost 0.0005",
        "  no price: openai/unknown-large standard: 1 requests, 900 tokens",
        "  no price: openai/unknown-small standard: 1 requests, 100 tokens",
        "  openai/gpt-4o standard: by openai/gpt-4o of pricebook:contract (exact): 2 requests, 2,200 tokens",
        "  openai/gpt-3.5-turbo standard: by openai/gpt-3.5-turbo of genai-prices (exact): 1 requests, 800 tokens",
    ]


def test_the_command_tells_calls_that_no_price_would_help(acme: Scope) -> None:
    calls = [event(), event(tokens={}), event(tokens={}, status="error"), event(tokens={}, requests=3)]
    record_usage(events=calls, key_scope_id=acme.pk, at=AT)
    told = "  no price: openai/gpt-4o standard: 4 requests, 0 tokens, of which 4 do not say what was used"
    assert told in run("coverage", "--scope", "acme")
