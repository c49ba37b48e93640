from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from allocation.prices.engine.price_books import BookEntry
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


def long_contexts(tier: str, tiers: dict[int, str], source: str = "pricebook:list") -> BookEntry:
    prices = {bound: {"input": Decimal(price), "output": Decimal(0)} for bound, price in tiers.items()}
    return BookEntry("openai", "long", tier, AT - timedelta(days=9), None, source, "1", prices)


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        pytest.param({0: "10"}, (10**10, None, None), id="short contexts alone"),
        pytest.param({0: "10", 100: "20"}, (10**10, 2 * 10**10, None), id="one of two bounds"),
        pytest.param({0: "10", 100: "20", 200: "20"}, (10**10, 2 * 10**10, 2 * 10**10), id="every bound"),
    ],
)
def test_above_a_bound_of_the_standard_tier_another_says_its_own_price_or_has_none(
    stated: dict[int, str], wanted: tuple[int | None, ...]
) -> None:
    entries = (long_contexts("priority", stated), long_contexts("standard", {0: "1", 100: "2", 200: "3"}))
    card = PriceList("USD", entries).at("openai", "long", "priority", AT)
    assert isinstance(card, RateCard)
    tiers = [card.tier_of(count, 1) for count in (100, 200, 201)]
    rates = [card.rates_of(tier).of("input") for tier in tiers]
    assert [None if rate is None else rate * 10**6 // card.divisor for rate in rates] == list(wanted)


def test_another_books_bounds_say_nothing_of_this_one() -> None:
    entries = (long_contexts("batch", {0: "1"}), long_contexts("standard", {0: "1", 100: "2"}, "pricebook:other"))
    card = PriceList("USD", entries).at("openai", "long", "batch", AT)
    assert isinstance(card, RateCard)
    assert card.tiers == ()
