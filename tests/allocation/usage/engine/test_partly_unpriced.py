"""A meter without a price is missing from the cost, and said to be missing; it is not free."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.meters.documents import COUNTED_METERS, Fault
from allocation.prices.engine.price_books import BookEntry
from allocation.prices.engine.pricing import PriceList
from allocation.usage.engine.call_prices import Priced, price_of
from governance.calendar.engine import DAY
from tests.allocation.conftest import AT, event

AT_S = AT.timestamp()
OURS = {"provider": "self", "model": "own"}


def priced(prices: dict[str, str] | None = None, **call: Any) -> Priced:
    """The price of a call by the catalogue, or of a call of our own model by a book that states `prices`."""
    books = () if prices is None else (stated(prices),)
    price = price_of(event(**(call if prices is None else OURS | call)), PriceList("USD", books), AT_S)
    assert not isinstance(price, Fault)
    return price


def stated(prices: dict[str, str]) -> BookEntry:
    tiers = {0: {meter: Decimal(price) for meter, price in prices.items()}}
    return BookEntry("self", "own", "standard", AT - DAY, None, "pricebook:own", "1", tiers)


TOKENS = {"input": 1_000_000, "output": 100_000}


@pytest.mark.parametrize(
    ("prices", "call", "cost", "missing"),
    [
        pytest.param({"gpu_hour": "3"}, {"tokens": TOKENS}, None, (), id="GPU hours do not price tokens"),
        pytest.param(
            {"gpu_hour": "3"}, {"tokens": TOKENS, "gpu_seconds": Decimal(1200)}, "1", ("input", "output"),
            id="tokens beside priced GPU time",
        ),
        pytest.param(
            {"input": "1", "output": "2"}, {"tokens": TOKENS, "gpu_seconds": Decimal(1200)}, "1.2", ("gpu_hour",),
            id="GPU time beside priced tokens",
        ),
        pytest.param(
            {"input": "0", "output": "0", "gpu_hour": "3"}, {"tokens": TOKENS, "gpu_seconds": Decimal(1200)}, "1", (),
            id="tokens said to be free are free",
        ),
        pytest.param({"input": "1"}, {"tokens": TOKENS}, "1", ("output",), id="a book without output"),
        pytest.param(
            {"output": "2"}, {"tokens": {**TOKENS, "cached_input": 9}}, "0.2", ("input", "cached_input"),
            id="a book without input",
        ),
        pytest.param({"input": "1"}, {"tokens": {"input": 1_000_000}}, "1", (), id="no output was counted"),
        pytest.param(
            {"input": "1", "output": "2"},
            {"tokens": TOKENS, "quantities": {"map_search": Decimal(3), "session": Decimal(1)}}, "1.2",
            ("map_search", "session"), id="searches and sessions",
        ),
        pytest.param(
            {"input": "1", "output": "2", "image": "0.04"},
            {"tokens": TOKENS, "quantities": {"image": Decimal(2), "video_second": Decimal(9)}}, "1.28",
            ("video_second",), id="video beside priced images",
        ),
        pytest.param(
            {"request": "0.5"}, {"tokens": {"input": 7, "output": 1}}, "0.5", ("input", "output"),
            id="tokens beside a price per request",
        ),
        pytest.param(
            {"input": "1", "output": "2"}, {"tokens": {**TOKENS, "audio_input": 1000}}, "1.2", (),
            id="a book's rare tokens fall back to the usual ones",
        ),
        pytest.param(
            {"page": "0.01"}, {"tokens": TOKENS, "quantities": {"image": Decimal(1)}}, None, (), id="nothing is priced"
        ),
    ],
)  # fmt: skip
def test_by_a_book(prices: dict[str, str], call: dict[str, Any], cost: str | None, missing: tuple[str, ...]) -> None:
    price = priced(prices, **call)
    assert (price.cost_nanos, price.unpriced_meters) == (None if cost is None else int(Decimal(cost) * 10**9), missing)


@pytest.mark.parametrize(
    ("call", "cost", "missing"),
    [
        pytest.param(
            {"model": "gpt-4o-mini-audio-preview", "tokens": {"input": 500, "output": 90, "audio_output": 80}},
            None, (), id="audio tokens where the catalogue states no audio rate",
        ),
        pytest.param(
            {"model": "gpt-audio", "tokens": {"input": 1000, "output": 100, "audio_input": 900, "audio_output": 90}},
            "0.03491", (), id="audio tokens where it states one",
        ),
        pytest.param(
            {"provider": "google", "model": "gemini-2.5-flash",
             "tokens": {"input": 1000, "cached_input": 800, "cached_audio_input": 500, "output": 100}},
            "0.000369", (), id="cached audio where it states a rate of its own",
        ),
        pytest.param(
            {"model": "gpt-4o-audio-preview",
             "tokens": {"input": 1000, "cached_input": 800, "cached_audio_input": 500, "output": 100}}, None, (),
            id="cached audio where it states none",
        ),
        pytest.param(
            {"model": "gpt-audio", "tokens": {"input": 1000, "output": 100, "image_input": 900}}, None, (),
            id="image tokens where it states audio alone",
        ),
        pytest.param(
            {"provider": "google", "model": "claude-3-opus",
             "tokens": {"input": 1000, "cache_write": 500, "cache_write_1h": 100, "output": 10}}, None, (),
            id="an hour's cache where it states five minutes alone",
        ),
        pytest.param(
            {"quantities": {"web_search": Decimal(2)}}, "0.0235", (), id="searches where the catalogue prices them"
        ),
        pytest.param({"quantities": {"image": Decimal(2)}}, "0.0035", ("image",), id="images where it does not"),
        pytest.param({"gpu_seconds": Decimal(60)}, "0.0035", ("gpu_hour",), id="GPU time beside a catalogue's tokens"),
        pytest.param(
            {"model": "text-embedding-3-small", "tokens": {"input": 1_000_000, "output": 5}}, "0.02", ("output",),
            id="output of a model that has a price for input alone",
        ),
    ],
)  # fmt: skip
def test_by_the_catalogue(call: dict[str, Any], cost: str | None, missing: tuple[str, ...]) -> None:
    price = priced(**call)
    assert (price.cost_nanos, price.unpriced_meters) == (None if cost is None else int(Decimal(cost) * 10**9), missing)


def test_the_tokens_without_a_price_are_counted() -> None:
    call = {"tokens": {**TOKENS, "reasoning": 300, "audio_output": 50}, "gpu_seconds": Decimal(1200)}
    books = ({"gpu_hour": "3"}, {"input": "1"}, {"output": "1"})
    assert [priced(prices, **call).unpriced_tokens for prices in books] == [1_100_000, 100_000, 1_000_000]


@pytest.mark.parametrize(
    ("model", "service_tier", "input_tokens", "cost"),
    [
        ("gpt-5.4", "priority", 272_000, "1.36"),
        ("gpt-5.4", "priority", 272_001, None),
        ("gpt-5.4", "flex", 300_000, "0.75"),
        ("gpt-5.5-pro", "batch", 300_000, None),
    ],
)
def test_above_a_context_bound_a_tier_that_does_not_state_its_price_has_none(
    model: str, service_tier: str, input_tokens: int, cost: str | None
) -> None:
    price = priced(model=model, service_tier=service_tier, tokens={"input": input_tokens})
    assert price.cost_nanos == (None if cost is None else int(Decimal(cost) * 10**9))


@given(
    st.dictionaries(st.sampled_from(COUNTED_METERS), st.integers(1, 50), min_size=1),
    st.frozensets(st.sampled_from(COUNTED_METERS)),
)
def test_what_is_counted_is_in_the_cost_or_said_to_be_missing(counted: dict[str, int], known: frozenset[str]) -> None:
    prices = {"input": "1", "output": "1", **dict.fromkeys(known - {"character"}, "2"), "character": "2000000"}
    quantities = {meter: Decimal(count) for meter, count in counted.items()}
    price = priced(prices, tokens={"input": 1_000_000}, quantities=quantities)
    in_cost = counted.keys() - set(price.unpriced_meters)
    assert price.cost_nanos == (1 + 2 * sum(counted[meter] for meter in in_cost)) * 10**9
    assert set(price.unpriced_meters) == counted.keys() - known - {"character"}
