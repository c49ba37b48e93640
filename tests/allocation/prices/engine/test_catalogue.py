import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, Provider

from allocation.prices.engine.catalogue import (
    CalculatedCard,
    TimeOfDayPrice,
    catalogue_entry,
    catalogue_tiers,
    find_model,
    maker_of,
    usage_of,
)
from allocation.prices.engine.rates import RateCard, from_nanos, to_nanos
from tests.allocation.prices.engine.entries import AT

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
        "cached_audio_input": dice.randrange(cached + 1),
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
        if isinstance(card, RateCard):
            rates = card.rates_of(card.tier_of(whole, 1))
            if card.tier_of(whole, 1) and "input" in rates.unstated:
                # Tokens without a price: the calculation takes the rate of the standard tier, or of short contexts.
                continue
            rare = {meter: quantity for meter, quantity in rare.items() if rates.of(meter) is not None}
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
    ("model", "maker"),
    [
        pytest.param("gpt-4o", "openai", id="told by the catalogue's rule for names"),
        pytest.param("text-embedding-3-large", "openai", id="listed by a maker and a reseller"),
        pytest.param("voyage-3", "voyageai", id="listed by its maker alone"),
        pytest.param("llama-3.3-70b-versatile", None, id="listed by a reseller alone"),
        pytest.param("in-house-7b", None, id="listed by nobody"),
    ],
)
def test_who_made_a_model(model: str, maker: str | None) -> None:
    assert maker_of(model) == maker


@pytest.mark.parametrize(
    ("provider", "model", "tier", "price"),
    [
        ("anthropic", "claude-opus-5", "fast", "10"),
        ("openai", "gpt-5.4", "fast", "5"),
        ("anthropic", "claude-sonnet-4-5", "fast", None),
        ("anthropic", "claude-opus-5", "standard-us", None),
    ],
)
def test_a_tier_that_providers_name_differently_is_one(provider: str, model: str, tier: str, price: str | None) -> None:
    stated = catalogue_tiers(provider, model, tier, datetime(2026, 11, 20, tzinfo=UTC)).get(0, {}).get("input")
    assert stated == (None if price is None else Decimal(price))
