from decimal import Decimal

import pytest

from allocation.meters.engine.amounts import json_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.250000", "0.25"),
        ("1200", "1200"),
        ("1200.00", "1200"),
        ("1E+3", "1000"),
        ("1E-9", "0.000000001"),
        ("-0.10", "-0.1"),
        ("0.000", "0"),
        ("-0.00", "0"),
        ("-0", "0"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
    ],
)
def test_a_decimal_is_written_exactly_and_short(value: str, text: str) -> None:
    assert json_number(Decimal(value)) == text
