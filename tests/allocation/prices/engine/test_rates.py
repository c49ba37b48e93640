import random
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider, TimeOfDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.engine.catalogue import CalculatedCard, TimeOfDayPrice, catalogue_entry, find_model, usage_of
from allocation.prices.engine.price_books import BookEntry
from allocation.prices.engine.pricing import PriceList
from allocation.prices.engine.rates import RateCard, from_nanos, nanos_text, rate_card, to_nanos

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
CONTEXT = {
    "standard": None,
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}


def models() -> list[tuple[Provider, ModelInfo]]:
    return [(provider, model) for provider in get_snapshot().providers for model in provider.models]


def rarities(dice: random.Random, counts: tuple[int, ...]) -> dict[str, int | Decimal]:
    """Some of what few calls have, within the counts."""
    whole, cached, written, output, reasoning = counts
    found: dict[str, int | Decimal] = {
        "cache_write_1h": dice.randrange(written + 1),
        "audio_input": dice.randrange((whole - cached - written) // 2 + 1),
        "image_input": dice.randrange((whole - cached - written) // 2 + 1),
        "audio_output": dice.randrange((output - reasoning) // 2 + 1),
        "image_output": dice.randrange((output - reasoning) // 2 + 1),
        "web_search": dice.randrange(9),
        "file_search": dice.randrange(9),
        "page": dice.randrange(30),
        "message": dice.randrange(5),
        "character": dice.randrange(9000),
    }
    return {meter: quantity for meter, quantity in found.items() if quantity and dice.random() < 0.5}


@pytest.mark.parametrize("service_tier", list(CONTEXT))
def test_every_model_of_the_catalogue_costs_what_the_catalogue_calculates(service_tier: str) -> None:
    dice = random.Random(20261124)
    wrong = []
    priced = 0
    for provider, model in models():
        # The catalogue knows other service tiers since October 2026 only.
        at = AT - timedelta(seconds=dice.randrange((700 if service_tier == "standard" else 40) * 86_400))
        whole = dice.choice([dice.randrange(3000), dice.randrange(400_000), 128_000, 200_000, 200_001, 272_000])
        cached = dice.randrange(whole + 1)
        written = dice.randrange(whole - cached + 1)
        output = dice.randrange(30_000)
        reasoning = dice.randrange(output + 1)
        counts = (whole, cached, written, output, reasoning)
        rare = rarities(dice, counts)
        entry = catalogue_entry(provider.id, model.id, service_tier, at)
        card = entry.at(at) if isinstance(entry, TimeOfDayPrice) else entry
        if card is None:
            continue
        priced += 1
        found_provider, found_model = find_model(provider.id, model.id) or (provider, model)
        wanted = found_model.calc_price(
            usage_of(*counts, rare), found_provider, genai_request_timestamp=at, price_context=CONTEXT[service_tier]
        ).total_price
        nanos = (
            to_nanos(card.cost(usage_of(*counts, rare)))
            if isinstance(card, CalculatedCard)
            else card.cost_nanos(*counts, 1, None, rare)
        )
        if from_nanos(nanos) != wanted.quantize(Decimal("1e-9")):
            wrong.append((provider.id, model.id, at, counts, rare, from_nanos(nanos), wanted))
    assert wrong == []
    assert priced > {"standard": 2000, "batch": 50, "flex": 10, "priority": 10}[service_tier]


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


def entry(start: datetime, price: str, *, end: datetime | None = None, model: str = "gpt-4o") -> BookEntry:
    prices = {0: {"input": Decimal(price), "output": Decimal(0)}}
    return BookEntry("openai", model, "standard", start, end, "pricebook:contract", "1", prices)


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


def test_context_tiers_hold_for_the_whole_of_a_single_request() -> None:
    card = rate_card("x", "1", {0: {"input": Decimal(3)}, 200_000: {"input": Decimal(6)}})
    costs = [
        card.cost_nanos(count, 0, 0, 0, 0, requests) for count, requests in [(200_000, 1), (200_001, 1), (10**6, 9)]
    ]
    assert costs == [600_000_000, 1_200_006_000, 3_000_000_000]


def test_a_price_by_the_hour_of_the_day_is_looked_up_for_each_record() -> None:
    night = TimeOfDateConstraint(start_time=time(0), end_time=time(6))
    model = ModelInfo(
        id="m",
        match=get_snapshot().providers[0].models[0].match,
        prices=[
            ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(2))),
            ConditionalPrice(constraint=night, prices=ModelPrice(input_mtok=Decimal(1))),
        ],
    )
    cards = [TimeOfDayPrice(model, None).at(AT.replace(hour=hour)) for hour in (3, 12)]
    assert [card.cost_nanos(10**6, 0, 0, 0, 0, 1) for card in cards if isinstance(card, RateCard)] == [10**9, 2 * 10**9]


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=12))
def test_rounding_is_half_to_even_at_nine_places(amount: Decimal) -> None:
    assert from_nanos(to_nanos(amount)) == amount.quantize(Decimal("1e-9"))
    assert Decimal(nanos_text(to_nanos(amount))) == from_nanos(to_nanos(amount))


@given(
    st.tuples(*[st.decimals(min_value=0, max_value=1000, allow_nan=False, places=9)] * 5),
    st.tuples(*[st.integers(0, 10**9)] * 5),
)
def test_one_rounding_per_record(prices: tuple[Decimal, ...], parts: tuple[int, ...]) -> None:
    fresh, cached, written, plain, reasoning = parts
    card = rate_card("x", "1", {0: dict(zip(TOKENS, prices, strict=True))})
    exact = sum((price * count for price, count in zip(prices, parts, strict=True)), start=Decimal(0)) / 10**6
    nanos = card.cost_nanos(fresh + cached + written, cached, written, plain + reasoning, reasoning, 1)
    assert from_nanos(nanos) == exact.quantize(Decimal("1e-9"))
