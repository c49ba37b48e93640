from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from allocation.prices.engine.pricing import PriceList
from allocation.prices.engine.rates import RateCard, from_nanos
from tests.allocation.prices.engine.entries import AT, entry


@pytest.mark.parametrize(
    ("tier", "model", "at", "counts", "wanted"),
    [
        pytest.param("standard", "gpt-4o", AT, (1000, 0, 0, 100, 0), "0.0035", id="fresh input and output"),
        pytest.param("standard", "gpt-4o", AT, (1000, 400, 0, 100, 20), "0.003", id="cached input is part of input"),
        pytest.param(
            "standard", "o3", datetime(2025, 5, 1, tzinfo=UTC), (10**6, 0, 0, 10**5, 0), "14", id="before the cut"
        ),
        pytest.param(
            "standard", "o3", datetime(2025, 8, 1, tzinfo=UTC), (10**6, 0, 0, 10**5, 0), "2.8", id="after the cut"
        ),
        pytest.param("batch", "gpt-4o", AT, (1000, 0, 0, 100, 0), "0.00175", id="batch where the catalogue states it"),
    ],
)
def test_known_prices(tier: str, model: str, at: datetime, counts: tuple[int, ...], wanted: str) -> None:
    card = PriceList("USD").at("openai", model, tier, at)
    assert isinstance(card, RateCard)
    assert from_nanos(card.cost_nanos(*counts, 1)) == Decimal(wanted)


@pytest.mark.parametrize(
    ("provider", "model", "tier", "currency", "why"),
    [
        ("openai", "gpt-mock", "standard", "USD", "no such model"),
        ("our-own-gateway", "gpt-4o", "standard", "USD", "a reseller's price is its own"),
        ("openai", "gpt-4o", "flex", "USD", "no price for this service tier: none is guessed"),
        ("openai", "gpt-4o", "standard", "EUR", "the catalogue is in dollars"),
    ],
)
def test_what_nobody_prices_is_unpriced(provider: str, model: str, tier: str, currency: str, why: str) -> None:
    assert PriceList(currency).at(provider, model, tier, AT) is None, why


def test_a_price_that_changes_at_noon_changes_at_noon() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    prices = PriceList("USD", (entry(noon - timedelta(days=9), "1", end=noon), entry(noon, "2")))
    instants = [noon - timedelta(minutes=1), noon, noon + timedelta(minutes=1), noon + timedelta(days=1)]
    cards = [prices.at("openai", "gpt-4o", "standard", at) for at in instants]
    assert [card.cost_nanos(10**6, 0, 0, 0, 0, 1) for card in cards if isinstance(card, RateCard)] == [
        10**9, 2 * 10**9, 2 * 10**9, 2 * 10**9,
    ]  # fmt: skip


def test_before_a_book_starts_the_catalogue_holds() -> None:
    prices = PriceList("USD", (entry(AT, "1", model="gpt-4*"),))
    cards = [prices.at("openai", "gpt-4o", "standard", at) for at in (AT - timedelta(seconds=1), AT)]
    assert [card.source for card in cards if isinstance(card, RateCard)] == ["genai-prices", "pricebook:contract"]
