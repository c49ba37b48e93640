from datetime import time
from decimal import Decimal

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, TimeOfDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.engine.catalogue import TimeOfDayPrice
from allocation.prices.engine.rates import RateCard, from_nanos, nanos_text, rate_card, to_nanos
from tests.allocation.prices.engine.entries import AT

TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")


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


def test_amounts_round_half_to_even() -> None:
    assert [to_nanos(Decimal(text)) for text in ("2.5e-9", "3.5e-9", "1e-99999", "999999999.9999999995")] == [
        2, 4, 0, 10**18,
    ]  # fmt: skip
