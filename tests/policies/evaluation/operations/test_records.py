from decimal import Decimal

from policies.evaluation.operations.records import as_json


def test_numbers_that_json_does_not_have_become_text_and_all_else_stays() -> None:
    held = {"a": (1, 2.5, float("nan")), "b": [{"c": float("-inf")}], "d": None, "e": True, "f": "g"}
    assert as_json(held) == {"a": [1, 2.5, "nan"], "b": [{"c": "-inf"}], "d": None, "e": True, "f": "g"}
    assert as_json(Decimal("1.50")) == Decimal("1.50")
