"""Decimal arithmetic that does not round: wide enough for every price, rate and percentage that may be stated."""

from decimal import Context, Decimal, Inexact

EXACT = Context(prec=120, traps=[Inexact])


def times(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.multiply(left, right)


def shifted(amount: Decimal, places: int) -> Decimal:
    """`amount` × 10^places."""
    return EXACT.scaleb(amount, places)
