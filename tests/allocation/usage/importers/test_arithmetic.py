from typing import Any

import pytest

from tests.allocation.usage.importers.mappings_of_fields import read_field

ROW = {
    "a": "0.1",
    "b": "0.2",
    "c": "",
    "n": 3,
    "price": "0.000000125",
    "credits": [{"amount": -1.5}, {"amount": "-0.25"}],
}


@pytest.mark.parametrize(
    ("spec", "amount"),
    [
        ({"sum": ["a", "b"]}, "0.3"),
        ({"sum": ["a", "c"]}, "0.1"),
        ({"sum": ["c", "absent"]}, None),
        ({"sum": ["a", {"constant": 1}]}, "1.1"),
        ({"sum": ["a", {"column": "b", "scale": -1}]}, "-0.1"),
        ({"sum": ["n", "credits.amount"]}, "1.25"),
        ({"product": ["price", "n"]}, "0.000000375"),
        ({"product": ["price", "c"]}, None),
        ({"product": ["price", {"column": "c", "default": 2}]}, "0.000000250"),
        ({"product": ["price", {"sum": ["n", "n"]}]}, "0.000000750"),
        ({"difference": ["n", "a", "b", "c"]}, "2.7"),
        ({"difference": ["c", "a"]}, None),
        ({"least": ["a", "b", "c"]}, "0.1"),
        ({"greatest": [{"constant": 0}, {"difference": ["a", "n"]}]}, "0"),
        ({"greatest": ["c", "absent"]}, None),
        ({"sum": ["zero", "absent"], "zero_is_unknown": True}, None),
        ({"sum": ["a", "zero"], "zero_is_unknown": True}, "0.10"),
        ({"first": [{"sum": ["c", "absent"]}, {"product": ["price", "n"]}]}, "0.000000375"),
        ({"first": [{"column": "c"}, {"constant": 7}]}, 7),
    ],
)
def test_money_is_worked_out_exactly(spec: Any, amount: object) -> None:
    assert read_field("cost", spec, {**ROW, "zero": "0.00"}) == amount


def test_the_text_of_a_prompt_is_the_input_less_what_is_heard_and_seen() -> None:
    row = {"input": "1000", "audio": "600", "image": "300"}
    assert read_field("tokens.input", {"difference": ["input", "audio", "image"]}, row) == 100


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"sum": ["a", "words"]}, "cost is read from the column words, which holds no number."),
        ({"product": ["huge"] * 4}, "cost comes to a number of too many digits."),
    ],
)
def test_what_cannot_be_worked_out_names_the_column(spec: Any, sentence: str) -> None:
    code, message = read_field("cost", spec, {"a": 1, "words": "a dozen", "huge": "1." + "7" * 39})
    assert (code, message.startswith(sentence)) == ("invalid_value", True)


def test_a_sum_of_counts_is_whole() -> None:
    code, message = read_field("tokens.input", {"sum": ["a", "b"]}, ROW)
    assert (code, message[:38]) == ("invalid_value", "tokens.input comes to no whole number;")
