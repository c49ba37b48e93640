"""An amount in parts that sum to it again."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact


def apportion(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole` in the proportion of non-negative `weights`, by largest remainder; equal remainders go to the first.

    Whole numbers of any unit, such as 10^-9 of a currency; a negative `whole` is split as its opposite is. Without a
    weight above zero there is no proportion: ValueError.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("no weight above zero")
    if whole < 0:
        return [-part for part in apportion(-whole, weights)]
    parts = [whole * weight // total for weight in weights]
    remainders = [whole * weight % total for weight in weights]
    left = whole - sum(parts)
    for place in sorted(range(len(weights)), key=lambda place: (-remainders[place], place))[:left]:
        parts[place] += 1
    return parts


AMOUNT_PLACES = 9
# Wide enough for any amount and weight a column holds; what would have to be rounded raises.
EXACT = Context(prec=80, traps=[Inexact])


def exact_units(value: Decimal, places: int) -> int:
    """`value` in units of 10^-places. Raises Inexact for one with more places."""
    return int(value.scaleb(places, EXACT).to_integral_exact(context=EXACT))


def of_units(units: int, places: int) -> Decimal:
    return Decimal(units).scaleb(-places, EXACT)
