"""Decimals in text, exactly and without trailing zeros."""

from decimal import Decimal


def json_number(value: Decimal) -> str:
    """A JSON number: `0.25`, `1200`, never an exponent or a float on the way."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"", "-0"} else text
