"""Splits an amount into parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact


def apportion(whole: int, weights: Sequence[int]) -> list[int]:
    """Splits `whole` in proportion to non-negative `weights`, by largest remainder; equal remainders favour the first.

    Works in whole numbers of any unit, such as 10^-9 of a currency; a negative `whole` is split like its opposite.
    Raises ValueError when no weight is above zero.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("no weight above zero")
    if whole < 0:
        return [-part for part in apportion(-whole, weights)]
    parts = [whole * weight // total for weight in weights]
    remainders = [whole * weight % total for weight in weights]
    undistributed = whole - sum(parts)
    for position in sorted(range(len(weights)), key=lambda position: (-remainders[position], position))[:undistributed]:
        parts[position] += 1
    return parts


AMOUNT_PLACES = 9
# Precise enough for any amount or weight in the database; raises Inexact instead of rounding.
EXACT = Context(prec=80, traps=[Inexact])


def exact_units(value: Decimal, places: int) -> int:
    """`value` in units of 10^-places. Raises Inexact when it has more decimal places."""
    return int(value.scaleb(places, EXACT).to_integral_exact(context=EXACT))


def of_units(units: int, places: int) -> Decimal:
    """The amount of `units` × 10^-places; the inverse of `exact_units`."""
    return Decimal(units).scaleb(-places, EXACT)
