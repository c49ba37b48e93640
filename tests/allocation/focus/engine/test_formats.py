from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.formats import number_text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_numbers_are_written_exactly(number: Decimal) -> None:
    text = number_text(number)
    assert Decimal(text) == number
    assert "." in text
    assert "E" not in text
