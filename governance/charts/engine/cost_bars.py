"""Costs side by side as bars of one scale. All results are pixels or percent: floats are used for drawing only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from governance.charts.engine.colours import OWN, SHARED_IN, SHARED_OUT
from governance.charts.engine.frame import px


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar; `width` in percent of the whole row."""

    width: str
    colour: str
    is_hatched: bool = False


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one scope, in one currency: its own cost, cost shared to it and cost it shared away."""

    own: Decimal
    shared_in: Decimal
    shared_out: Decimal


def cost_bars(rows: Sequence[Costs]) -> list[tuple[Piece, ...]]:
    """For each row the cost it keeps, the cost shared to it and, hatched, the cost it shared away."""
    longest = max((_length(row) for row in rows), default=Decimal(0))
    return [_pieces(row, longest) for row in rows]


def _length(row: Costs) -> Decimal:
    return max(row.own, row.shared_out, Decimal(0)) + max(row.shared_in, Decimal(0))


def _pieces(row: Costs, longest: Decimal) -> tuple[Piece, ...]:
    if longest <= 0:
        return ()
    kept = max(row.own - row.shared_out, Decimal(0))
    parts = ((kept, OWN, False), (row.shared_in, SHARED_IN, False), (row.shared_out, SHARED_OUT, True))
    return tuple(
        Piece(px(float(value / longest) * 100), colour, hatched) for value, colour, hatched in parts if value > 0
    )
