"""An amount in parts that sum to it again."""

from collections.abc import Sequence


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
