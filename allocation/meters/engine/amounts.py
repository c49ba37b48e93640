"""Decimals as exact text without trailing zeros."""

from decimal import Decimal


def json_number(value: Decimal) -> str:
    """A JSON number such as `0.25` or `1200`, never with an exponent and never converted to a float."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"", "-0"} else text
