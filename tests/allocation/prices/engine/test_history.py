"""New prices over known ones: inside their validity they hold, outside of it nothing has changed."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.documents import PriceSpec
from allocation.prices.engine.history import merge_prices
from tests.allocation.prices.stated_prices import DAYS, day, entries


def price_at(prices: Sequence[PriceSpec], model: str, at: datetime) -> Decimal | None:
    """The first that holds, as the pricing context finds it."""
    return next((price.input for price in prices if price.model == model and holds(price, at)), None)


def holds(price: PriceSpec, at: datetime) -> bool:
    return price.effective_from <= at and (price.effective_to is None or at < price.effective_to)


def distinct(prices: Sequence[PriceSpec]) -> list[PriceSpec]:
    return list({price.identity: price for price in prices}.values())


@given(st.lists(entries(), max_size=6).map(distinct), entries())
def test_a_new_price_holds_in_its_time_and_nothing_else_changes(known: list[PriceSpec], new: PriceSpec) -> None:
    after = merge_prices(known, [new]).entries
    for number in range(DAYS + 1):
        at = day(number)
        for model in "ab":
            wanted = new.input if holds(new, at) and model == new.model else price_at(known, model, at)
            assert price_at(after, model, at) == wanted, (model, number)
    assert len({price.identity for price in after}) == len(after)


@given(st.lists(entries(), max_size=6).map(distinct), st.lists(entries(), max_size=4).map(distinct))
def test_what_was_brought_in_once_changes_nothing_the_second_time(known: list[PriceSpec], new: list[PriceSpec]) -> None:
    last = list({price.key: price for price in new}.values())
    once = merge_prices(known, last)
    twice = merge_prices(once.entries, last)
    assert twice.entries == once.entries
    assert (twice.added, twice.changed) == ((), ())


def tier(above: int, price: str, since: int = 0) -> PriceSpec:
    return PriceSpec(
        provider="p", model="a", effective_from=day(since), above_input_tokens=above, input=Decimal(price)
    )  # fmt: skip


def test_context_tiers_of_a_model_change_together() -> None:
    after = merge_prices([tier(0, "1"), tier(200, "2")], [tier(0, "1", 5), tier(200, "3", 5)]).entries
    assert [(price.above_input_tokens, price.input, price.effective_from, price.effective_to) for price in after] == [
        (0, 1, day(0), day(5)), (200, 2, day(0), day(5)), (0, 1, day(5), None), (200, 3, day(5), None),
    ]  # fmt: skip
