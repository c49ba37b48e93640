"""Quantiles of what was observed: of values that occurred, never of one in between."""

from collections.abc import Sequence
from decimal import Decimal


def percentile(values: Sequence[Decimal], percent: int) -> Decimal:
    """The least of the values that `percent` in a hundred of them do not exceed; there is at least one."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]
