import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governance.pages.engine.spreadsheets import guarded, unguarded


@given(st.text(max_size=8) | st.text("'=+-@\t\r\n 1a", max_size=8))
@example("-")
@example("-1")
def test_every_text_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "'", "'s-Hertogenbosch", "a=b", "-1", "+1.5e3", "acme/search", '{"a": "=1"}'])
def test_what_no_spreadsheet_runs_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text
