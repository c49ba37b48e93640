import pytest

from governance.documents.engine.constants import constant_faults


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        pytest.param("model.matches('gpt-[')", "`'gpt-['` is not a regular expression: ", id="a pattern that is open"),
        pytest.param("matches(model, '(')", "`'('` is not a regular expression: ", id="called as a function"),
        pytest.param("f(x).matches('*')", "`'*'` is not a regular expression: ", id="on what a call gives"),
        pytest.param(
            "age > duration('7d')",
            "`duration('7d')` is not a duration: CEL knows h, m, s and ms, so seven days are 168h",
            id="days",
        ),
        pytest.param("now > timestamp('yesterday')", "`timestamp('yesterday')`: ", id="no instant"),
    ],
)
def test_a_broken_constant_is_named(text: str, begins: str) -> None:
    [fault] = constant_faults(text)
    assert fault.startswith(begins)


@pytest.mark.parametrize(
    "text",
    [
        "model.matches('^gpt-4o(-mini)?$')",
        "age > duration('168h')",
        "now > timestamp('2026-11-24T12:00:00Z')",
        "matches == 1 && duration > 2",
        "model.matches(pattern)",
        "duration(text)",
        "'duration(7d)' == model",
        "",
    ],
)
def test_what_works_and_what_is_no_constant_is_passed_over(text: str) -> None:
    assert list(constant_faults(text)) == []


def test_every_broken_constant_is_told_of() -> None:
    assert len(list(constant_faults("a.matches('[') && b.matches(']') && c > duration('1w') && d.matches('(')"))) == 3
