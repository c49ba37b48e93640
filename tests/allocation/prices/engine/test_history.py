"""New prices over known ones: inside their validity they hold, outside of it nothing has changed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.documents import PriceSpec
from allocation.prices.engine.differences import Difference, PriceKey, compare_prices
from allocation.prices.engine.history import merge_prices
from allocation.prices.engine.price_books import BookEntry, PriceBooks

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 12


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def entries(draw: st.DrawFn) -> PriceSpec:
    since = draw(st.integers(0, DAYS - 1))
    until = draw(st.none() | st.integers(since + 1, DAYS))
    return PriceSpec(
        provider="p",
        model=draw(st.sampled_from("ab")),
        effective_from=day(since),
        effective_to=None if until is None else day(until),
        input=Decimal(draw(st.integers(1, 3))),
    )


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


def entry(provider: str, model: str) -> BookEntry:
    return BookEntry(provider, model, "standard", START, None, "pricebook:x", "1", {0: {}})


def test_the_first_that_matches_whether_by_name_or_by_pattern() -> None:
    books = PriceBooks([entry("p", "a-1"), entry("p", "a-*"), entry("*", "b"), entry("p", "a-2"), entry("p", "A-?")])
    found = [books.matching("p", name, "standard") for name in ("a-1", "a-2", "b", "A-1", "c")]
    assert [[each.model for each in entries] for entries in found] == [
        ["a-1", "a-*"], ["a-*", "a-2"], ["b"], ["A-?"], [],
    ]  # fmt: skip
    assert books.matching("p", "a-1", "batch") == []


def test_a_comparison_names_what_differs_and_by_how_much() -> None:
    places = [PriceKey("p", model, "standard", 0, "input") for model in "abcd"]
    before = dict(zip(places[:3], map(Decimal, ("2", "0", "5")), strict=True))
    after = dict(zip((*places[:2], places[3]), map(Decimal, ("2.5", "1", "7")), strict=True))
    found = compare_prices({**before, PriceKey("p", "e", "batch", 9, "output"): Decimal(1)}, {
        **after, PriceKey("p", "e", "batch", 9, "output"): Decimal("1.0"),
    })  # fmt: skip
    assert [(one.key.model, one.percent) for one in found.changed] == [("a", Decimal("25.00")), ("b", None)]
    assert (found.only_before, found.only_after, found.same) == (
        (Difference(places[2], Decimal(5), None),), (Difference(places[3], None, Decimal(7)),), 1
    )  # fmt: skip
    assert str(PriceKey("p", "e", "batch", 9000, "output")) == "p/e batch above 9,000 tokens output"
