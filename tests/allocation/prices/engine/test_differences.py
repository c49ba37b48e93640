from decimal import Decimal

from allocation.prices.engine.differences import Difference, PriceKey, compare_prices


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
