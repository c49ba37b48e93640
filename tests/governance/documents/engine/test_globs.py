"""Patterns know `*` and nothing else."""

import pytest

from governance.documents.engine.globs import glob_matches, is_glob


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        pytest.param("claude-sonnet-4-5[1m]", "claude-sonnet-4-5[1m]", True, id="brackets are themselves"),
        pytest.param("claude-sonnet-4-5[1m]", "claude-sonnet-4-51", False, id="brackets are no set of letters"),
        pytest.param("o?", "o3", False, id="a question mark is no letter"),
        pytest.param("o?", "o?", True, id="a question mark is itself"),
        pytest.param("[!a]", "b", False, id="no set without a letter"),
        pytest.param("gpt-4.1", "gpt-4x1", False, id="a point is itself"),
        pytest.param("*[1m]", "claude-opus-4[1m]", True, id="a star before brackets"),
        pytest.param("gpt-*-mini", "gpt-4o-mini", True, id="a star in the middle"),
        pytest.param("gpt-*-mini", "gpt--mini", True, id="a star is also no text"),
        pytest.param("gpt-*", "gpt-4\no", True, id="a star is also a new line"),
        pytest.param("gpt-4*", "my-gpt-4", False, id="the whole text"),
        pytest.param("gpt-4", "gpt-4\n", False, id="to its very end"),
        pytest.param("*ab*b", "abab", True, id="parts in order, each once"),
        pytest.param("*ab*b", "ab", False, id="no part twice"),
        pytest.param("a***b", "ab", True, id="stars beside each other are one"),
        pytest.param("GPT", "gpt", False, id="letters' case counts"),
    ],
)
def test_a_pattern(pattern: str, text: str, matches: bool) -> None:
    assert glob_matches(pattern, text) is matches


def test_only_a_star_makes_a_pattern() -> None:
    assert [is_glob(text) for text in ("gpt-4*", "m[1m]", "o?")] == [True, False, False]


def test_many_stars_do_not_take_for_ever() -> None:
    assert not glob_matches("*a" * 12 + "*b", "a" * 2_000)
