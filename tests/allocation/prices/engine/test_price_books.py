from allocation.prices.engine.price_books import BookEntry, PriceBooks
from tests.allocation.prices.stated_prices import START


def entry(provider: str, model: str) -> BookEntry:
    return BookEntry(provider, model, "standard", START, None, "pricebook:x", "1", {0: {}})


def test_the_first_that_matches_whether_by_name_or_by_pattern() -> None:
    books = PriceBooks([entry("p", "a-1"), entry("p", "a-*"), entry("*", "b"), entry("p", "a-2"), entry("p", "A-*")])
    found = [books.matching("p", name, "standard") for name in ("a-1", "a-2", "b", "A-1", "c")]
    assert [[each.model for each in entries] for entries in found] == [
        ["a-1", "a-*"], ["a-*", "a-2"], ["b"], ["A-*"], [],
    ]  # fmt: skip
    assert books.matching("p", "a-1", "batch") == []


def test_only_a_star_makes_a_pattern() -> None:
    books = PriceBooks([entry("p", "m[1m]"), entry("p", "what?"), entry("p[eu]*", "m")])
    assert [each.model for each in books.matching("p", "m[1m]", "standard")] == ["m[1m]"]
    assert [books.matching("p", name, "standard") for name in ("m1", "mm", "whats")] == [[], [], []]
    assert [each.model for each in books.matching("p[eu]-1", "m", "standard")] == ["m"]
    assert books.matching("pe", "m", "standard") == []
