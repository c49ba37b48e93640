"""Decimal arithmetic that never rounds: precise enough for every price, rate and percentage a document may state."""

from decimal import Context, Decimal, Inexact

EXACT = Context(prec=120, traps=[Inexact])


def multiplied(left: Decimal, right: Decimal) -> Decimal:
    """`left` × `right`. Raises decimal.Inexact instead of rounding."""
    return EXACT.multiply(left, right)


def shifted(amount: Decimal, places: int) -> Decimal:
    """`amount` × 10^`places`. Raises decimal.Inexact instead of rounding."""
    return EXACT.scaleb(amount, places)
