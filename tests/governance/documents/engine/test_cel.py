"""What the CEL engine does that surprises, one test each, and what is made of it."""

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from governance.documents.engine import cel
from governance.documents.engine.cel import Environment, ExpressionError, Failure, Program

NAMES: dict[str, cel.Kind] = {
    "spend": "double",
    "allowance": "double",
    "calls": "double",
    "quality": "double",
    "quality.has": "bool",
    "params.stop_at": "double",
    "scope.path": "string",
    "scope.labels": "string_map",
}
VALUES = {"spend": 5.0, "allowance": 0.0, "calls": 3.0, "params.stop_at": 0.9, "scope.path": "acme", "scope.labels": {}}


@pytest.fixture(scope="module")
def environment() -> Environment:
    return Environment(NAMES)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        pytest.param("calls > 100", "calls > 100.0", id="an integer right of a double"),
        pytest.param("100 < calls", "100.0 < calls", id="an integer left of a double"),
        pytest.param("spend > -1", "spend > -1.0", id="a negative integer"),
        pytest.param("2 * spend > 1", "2.0 * spend > 1.0", id="two places, one after the other"),
        pytest.param("1/2 * spend > 1", "1.0/2.0 * spend > 1.0", id="a half is not zero"),
        pytest.param("spend > (1 + 2) / 4", "spend > (1.0 + 2.0) / 4.0", id="integers in brackets"),
        pytest.param("(calls > 5 ? 1 : spend) > 2", "(calls > 5.0 ? 1.0 : spend) > 2.0", id="a branch"),
        pytest.param(
            "'é' == scope.path && spend >\n 100", "'é' == scope.path && spend >\n 100.0", id="not ASCII, two lines"
        ),
        pytest.param(
            "scope.path == '100' && spend > 1", "scope.path == '100' && spend > 1.0", id="a number in a string stays"
        ),
        pytest.param("size(scope.path) > 3", "size(scope.path) > 3", id="integers among themselves stay"),
    ],
)
def test_integer_literals_become_doubles_where_the_compiler_asks(
    environment: Environment, text: str, repaired: str
) -> None:
    assert environment.repaired(text) == repaired


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        pytest.param("spendd > 1", "`spendd` is not declared (did you mean `spend`?)", (1, 1), id="a typo in a fact"),
        pytest.param("spend > params.stopat", "(did you mean `params.stop_at`?)", (1, 15), id="a typo in a parameter"),
        pytest.param("spend > 'a'", "`>` does not take (double, string)", (1, 7), id="a number against text"),
        pytest.param("spend >", "syntax error: mismatched input '<EOF>' here", (1, 8), id="half an expression"),
        pytest.param("max(spend, 1.0) > 1.0", "`max` is not declared", (1, 4), id="a function that does not exist"),
        pytest.param("spend > 99999999999999999999", "invalid int literal", (1, 9), id="an integer of twenty digits"),
        pytest.param("(" * 60 + "spend", "more than 32 deep", (1, 1), id="sixty brackets deep"),
        pytest.param(" ", "empty", (1, 1), id="nothing"),
        pytest.param("spend > \ud800", "half a character", (1, 1), id="a lone surrogate"),
        pytest.param("spend > 1.0 \0", "control character", (1, 1), id="a NUL"),
        pytest.param("spend > 1.0" + " " * 20_000, "20,000 characters", (1, 1), id="twenty thousand characters"),
    ],
)
def test_what_does_not_compile_says_why_and_where(
    environment: Environment, text: str, message: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ExpressionError) as caught:
        environment.compile(text, wanted="bool")
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


def test_a_condition_must_be_true_or_false(environment: Environment) -> None:
    with pytest.raises(ExpressionError, match="yields double, not true or false"):
        environment.compile("spend", wanted="bool")


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        pytest.param("spend > 1.0", True, id="a plain comparison"),
        pytest.param(
            "quality > 0.9", Failure("`quality` is missing", missing="quality"), id="a missing value never fires"
        ),
        pytest.param(
            "scope.labels.env == 'prod'", Failure('Key not found in map : "env"'), id="a missing key never fires"
        ),
        pytest.param("has(scope.labels.env)", False, id="a label may be asked for"),
        pytest.param("quality > 0.9 && spend < 1.0", False, id="false is false whatever the other side is"),
        pytest.param(
            "scope.path.matches('[')", Failure("invalid regular expression: missing ]: ["), id="a bad pattern"
        ),
        pytest.param(
            "duration('7d') > duration('1h')", Failure("String to Duration conversion failed"), id="seven days"
        ),
    ],
)
def test_a_run_time_error_is_a_failure_not_a_truthy_string(
    environment: Environment, text: str, outcome: object
) -> None:
    assert environment.compile(text, wanted="bool").evaluate(environment.bind(VALUES)) == outcome


def test_more_than_ten_thousand_iterations_are_a_failure(environment: Environment) -> None:
    many = "[" + ",".join("1" * 200) + "]"
    program = environment.compile(f"{many}.all(x, {many}.all(y, true))", wanted="bool")
    assert program.evaluate(environment.bind(VALUES)) == Failure("the expression loops more than 10,000 times")
    assert not program.is_false(environment.bind(VALUES))


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        pytest.param("a / 2.0", "a / 2.0", id="a divisor that is not zero stays"),
        pytest.param("a / b", "a / ((b) == 0.0 ? double('division by zero') : (b))", id="a name"),
        pytest.param(
            "a / f(x)[1].y + 3.0",
            "a / ((f(x)[1].y) == 0.0 ? double('division by zero') : (f(x)[1].y)) + 3.0",
            id="a chain",
        ),
    ],
)
def test_divisors_that_may_be_zero_are_guarded(text: str, guarded: str) -> None:
    assert cel.guard_divisions(text) == guarded


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("spend / allowance > 1.0", id="infinity"),
        pytest.param("allowance / allowance > 1.0", id="not a number"),
        pytest.param("1.0 / (spend / allowance) < 1.0", id="hidden behind a second division"),
        pytest.param("spend / (allowance * 2.0) > 1.0", id="a divisor in brackets"),
    ],
)
def test_division_by_zero_is_an_error_not_infinity(environment: Environment, text: str) -> None:
    program = environment.compile(cel.guard_divisions(text), wanted="bool")
    assert program.evaluate(environment.bind(VALUES)) == Failure("division by zero")


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        pytest.param("a / b", "((b) == 0.0 ? zero(a|b) : (a) / (b))", id="names"),
        pytest.param("a - 2.0 * f(x)[1] / b", "a - ((b) == 0.0 ? zero(2.0 * f(x)[1]|b) : (2.0 * f(x)[1]) / (b))",
                     id="every factor on the left, and no more"),
        pytest.param("a > -b / c", "a > ((c) == 0.0 ? zero(-b|c) : (-b) / (c))", id="a sign is the dividend's"),
        pytest.param("a - b / c", "a - ((c) == 0.0 ? zero(b|c) : (b) / (c))", id="a difference is not"),
        pytest.param("a / b / 2.0", "((b) == 0.0 ? zero(a|b) : (a) / (b)) / 2.0", id="divided again"),
        pytest.param(
            "a / (b / c)",
            "(((((c) == 0.0 ? zero(b|c) : (b) / (c)))) == 0.0 ? zero(a|(((c) == 0.0 ? zero(b|c) : (b) / (c))))"
            " : (a) / ((((c) == 0.0 ? zero(b|c) : (b) / (c)))))",
            id="divided by a quotient",
        ),
        pytest.param("a in [b / 2.0, '/__']", "a in [b / 2.0, '/__']", id="a list, and signs in a text"),
    ],
)  # fmt: skip
def test_what_a_division_by_zero_is_can_be_said(text: str, guarded: str) -> None:
    assert cel.guard_divisions(text, lambda dividend, divisor: f"zero({dividend}|{divisor})") == guarded


def test_a_division_behind_its_own_check_is_no_error(environment: Environment) -> None:
    program = environment.compile(cel.guard_divisions("allowance > 0.0 && spend / allowance > 1.0"), wanted="bool")
    assert program.evaluate(environment.bind(VALUES)) is False


def test_a_number_that_is_not_finite_is_a_failure(environment: Environment) -> None:
    program = environment.compile("spend * 1e308", wanted="double")
    assert program.evaluate(environment.bind(VALUES)) == Failure("the result is not a finite number")


@pytest.mark.parametrize("value", [None, Decimal(5), "5", datetime(2026, 11, 24, tzinfo=UTC)])
def test_a_value_of_the_wrong_type_is_a_failure_or_a_number(environment: Environment, value: object) -> None:
    outcome = environment.compile("spend > 100.0", wanted="bool").evaluate(environment.bind({"spend": value}))
    assert outcome is False or isinstance(outcome, Failure)


def test_not_a_number_compares_false(environment: Environment) -> None:
    assert environment.compile("spend > 1.0").evaluate(environment.bind({"spend": math.nan})) is False


def test_no_engine_object_leaks_out(environment: Environment) -> None:
    outcome = environment.compile("spend + 1", wanted="double").evaluate(environment.bind(VALUES))
    assert (outcome, type(outcome)) == (6.0, float)


def test_what_a_text_is_by_some_values_is_worked_out_once() -> None:
    environment = Environment({"a": "double", "b": "double"})
    asked: list[str] = []

    def counting(text: str) -> Program:
        program = environment.compile(text)
        known = program._eval
        program._eval = lambda activation: asked.append(text) or known(activation)
        return program

    bound, other = environment.bind({"a": 1.0, "b": 2.0}), environment.bind({"a": 3.0})
    programs = [counting("a > b"), counting("a > b"), counting("a + 1.0")]
    assert [program.is_false(bound) for program in programs] == [True, True, False]
    assert [program.evaluate(bound) for program in programs] == [False, False, 2.0]
    assert asked == ["a > b", "a + 1.0", "a + 1.0"]
    assert programs[2].evaluate(other) == 4.0
    assert programs[0].evaluate(other) == programs[1].evaluate(other)
    assert not programs[0].is_false(other)
