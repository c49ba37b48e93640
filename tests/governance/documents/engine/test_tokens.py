import pytest

from governance.documents.engine.tokens import Name, Words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("a.b >= 1.5", [("name", "a"), ("sign", "."), ("name", "b"), ("sign", ">="), ("float", "1.5")],
                     id="an operator of two signs is one token"),
        pytest.param("x // told\n+ 0x1F", [("name", "x"), ("sign", "+"), ("int", "0x1F")], id="without comments"),
        pytest.param(r"r'\d' == \"'\"".replace('\\"', '"'), [("string", r"r'\d'"), ("sign", "=="), ("string", '"\'"')],
                     id="a quote within the other quotes ends nothing"),
        pytest.param("'open", [("sign", "'"), ("name", "open")], id="a quote without its partner is a sign"),
        pytest.param("1e3 .5 7u", [("float", "1e3"), ("float", ".5"), ("int", "7u")], id="numbers"),
        pytest.param("", [], id="nothing"),
    ],
)  # fmt: skip
def test_an_expression_is_split_into_tokens(text: str, tokens: list[tuple[str, str]]) -> None:
    words = Words(text)
    assert [(token.kind, token.text) for token in words.tokens] == tokens
    assert all(text[token.start : token.end] == token.text for token in words.tokens)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("spend.today > limit", [Name("spend.today", 0, 2, is_call=False), Name("limit", 4, 4, is_call=False)]),
        ("has(a.b)", [Name("has", 0, 0, is_call=True), Name("a.b", 2, 4, is_call=False)]),
        ("[1].size()", []),
        ("true && null in x", [Name("x", 4, 4, is_call=False)]),
        ("'a' + b", [Name("b", 2, 2, is_call=False)]),
    ],
)
def test_names_are_read_as_variables_or_calls_and_a_member_is_none(text: str, names: list[Name]) -> None:
    assert list(Words(text).names) == names


def test_brackets_find_their_partner_and_unbalanced_ones_have_none() -> None:
    assert Words("f(a[0])").partner == {3: 5, 5: 3, 1: 6, 6: 1}
    assert Words("f(a))").partner == {1: 3, 3: 1}
    assert Words("((a)").partner == {1: 3, 3: 1}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("f()", []),
        ("f(a)", ["a"]),
        ("f(a, g(b, c), [d, e])", ["a", "g(b, c)", "[d, e]"]),
        ("f(a, 'x, y')", ["a", "'x, y'"]),
    ],
)
def test_arguments_are_parted_by_the_commas_of_their_own_call(text: str, arguments: list[str]) -> None:
    words = Words(text)
    assert [words.slice(*each) for each in words.arguments(1)] == arguments


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("a / b + c", "b"),
        ("a / -b.c(d)[0] * e", "-b.c(d)[0]"),
        ("a / (b + c) - d", "(b + c)"),
        ("a / !b", "!b"),
        ("a / b.", "b"),
    ],
)
def test_the_operand_after_an_operator_reaches_as_far_as_it_binds(text: str, operand: str) -> None:
    words = Words(text)
    assert words.slice(*words.operand_after(1)) == operand


@pytest.mark.parametrize(
    ("text", "comparison", "sides"),
    [
        ("a + 1 > b * 2", ">", ("a + 1", "b * 2")),
        ("x && (a.b(c, d) <= e) || y", "<=", ("a.b(c, d)", "e")),
        ("a == b ? c : d", "==", ("a", "b")),
        ("f(a, b > c, d)", ">", ("b", "c")),
        ("a in [1, 2] && b", "in", ("a", "[1, 2]")),
    ],
)
def test_a_comparison_has_two_sides(text: str, comparison: str, sides: tuple[str, str]) -> None:
    words = Words(text)
    index = next(number for number, token in enumerate(words.tokens) if token.text == comparison)
    left, right = words.comparison_sides(index)
    assert (words.slice(*left), words.slice(*right)) == sides


def test_the_top_level_is_outside_every_bracket_and_every_text() -> None:
    words = Words("a && (b && c) && '&&' in [d && e]")
    assert words.top_level("&&", "in") == [1, 7, 9]
    assert words.slice(*words.operand_after(9)) == "[d && e]"


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("xs.all(x, x > 0) && ys.exists(y, y.ok)", {"x", "y"}),
        ("all(x, x)", set()),
        ("xs.all", set()),
        ("xs.size()", set()),
    ],
)
def test_macros_bind_names(text: str, bound: set[str]) -> None:
    assert Words(text).bound_names() == bound


def test_a_group_is_what_lies_between_whichever_bracket_is_given() -> None:
    words = Words("f(a, b)")
    assert list(words.group(1)) == list(words.group(5)) == [2, 3, 4]
