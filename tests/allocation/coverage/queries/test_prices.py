from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allocation.coverage.queries.prices import (
    PriceCoverage,
    PricedModel,
    SourceTotals,
    UnpricedModel,
    price_coverage,
    priced_ratio,
)
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.operations.test_price_books import apply_book

PERIOD = {"since": datetime(2026, 11, 1, tzinfo=UTC), "until": datetime(2026, 12, 1, tzinfo=UTC)}


def used(acme: Scope, *changes: dict[str, Any]) -> None:
    record_usage(events=[event(**each) for each in changes], key_scope_id=acme.pk, at=AT)


def coverage(scope: Scope | None = None) -> PriceCoverage:
    return price_coverage(actor=SYSTEM, scope_id=scope.pk if scope else None, **PERIOD)


@pytest.mark.parametrize(
    ("part", "whole", "found"), [(1, 3, "0.3333"), (2, 3, "0.6667"), (0, 3, "0.0000"), (3, 3, "1.0000")]
)
def test_a_ratio_has_four_places(part: int, whole: int, found: str) -> None:
    assert str(priced_ratio(part, whole)) == found


def test_a_ratio_of_nothing_is_none() -> None:
    assert priced_ratio(0, 0) is None


def test_what_has_a_price_is_told_by_who_stated_it_and_what_has_none_by_name(acme: Scope) -> None:
    used(
        acme,
        {"cost": "0.5"},
        {"cost": "0.25", "scope": "acme/ads", "requests": 3},
        {},
        {"model": "gpt-nobody", "service_tier": "batch", "tokens": {"input": 5}},
        {"model": "gpt-none", "tokens": {"input": 7}, "requests": 2},
        {"status": "error"},
        {"occurred_at": "2026-10-31T23:59:59Z"},
    )
    found = coverage()
    assert found == PriceCoverage(
        requests=8, tokens=3312, failed_requests=1,
        sources=(
            SourceTotals("provider", 4, 2200, Decimal("0.75")),
            SourceTotals("genai-prices", 1, 1100, Decimal("0.0035")),
        ),
        unpriced=(
            UnpricedModel("openai", "gpt-none", "standard", 2, 7),
            UnpricedModel("openai", "gpt-nobody", "batch", 1, 5),
        ),
        models=(
            PricedModel(
                "acme", "openai", "gpt-4o", "standard", 5, 0, 3300, Decimal("0.7535"), "genai-prices", "openai/gpt-4o",
                "exact",
            ),
            PricedModel("acme", "openai", "gpt-none", "standard", 2, 0, 7, Decimal(0), "", "", ""),
            PricedModel("acme", "openai", "gpt-nobody", "batch", 1, 0, 5, Decimal(0), "", "", ""),
        ),
    )  # fmt: skip
    assert (found.priced_requests, found.priced_tokens) == (5, 3300)
    assert (found.priced_requests_ratio, found.priced_tokens_ratio) == (Decimal("0.6250"), Decimal("0.9964"))


def test_a_scope_counts_with_all_below_it(acme: Scope, search: Scope) -> None:
    used(acme, {"cost": "1", "scope": "acme/search/ranker"}, {"cost": "1", "scope": "acme/ads"})
    assert [source.requests for source in coverage(search).sources] == [1]


def test_coverage_of_nothing_has_no_ratio(acme: Scope) -> None:
    found = coverage()
    assert found == PriceCoverage(0, 0, 0, (), (), ())
    assert (found.priced_requests_ratio, found.priced_tokens_ratio) == (None, None)


def test_each_model_says_which_entry_prices_it_and_how_that_was_found(acme: Scope) -> None:
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
        {"provider": "self", "model": "painter", "quantities": {"image": 2}},
        {"model": "gpt-4o-2024-08-06"},
        {"provider": "azure_ai", "model": "gpt-4o"},
        {"model": "ft:gpt-4o-mini-2024-07-18:acme::abc"},
        {"model": "gpt-nobody"},
    )
    measured = coverage()
    rows = {row.model: (row.entry_source, row.entry, row.matched) for row in measured.models}
    assert {model: rows[model] for model in ("llama-70b", "painter", "gpt-4o-2024-08-06", "gpt-nobody")} == {
        "llama-70b": ("pricebook:own", "self/llama-*", "pattern"),
        "painter": ("pricebook:own", "self/painter", "exact"),
        "gpt-4o-2024-08-06": ("genai-prices", "openai/gpt-4o", "alias"),
        "gpt-nobody": ("", "", ""),
    }
    assert rows["ft:gpt-4o-mini-2024-07-18:acme::abc"][0::2] == ("genai-prices", "pattern")
    assert rows["gpt-4o"] == ("genai-prices", "azure/gpt-4o", "alias")
    assert measured.partly_unpriced_requests == 1
