"""Trees as tables: what each takes from the one above."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import pytest

from budgets.reservations.engine.trees import changed, draw, free, spend, still_held, taken

ZERO = Decimal(0)


@dataclass
class Row:
    amount: Decimal
    spent: Decimal = ZERO
    drawn: Decimal = ZERO
    is_open: bool = True


def chain(*amounts: int) -> list[Row]:
    """Open reservations, each of which draws its amount from the one before."""
    rows = [Row(Decimal(amount)) for amount in amounts]
    for above, below in pairwise(rows):
        draw(above, below.amount)
    return rows


def figures(rows: list[Row]) -> list[tuple[int, int]]:
    """(spent, drawn) of each."""
    return [(int(row.spent), int(row.drawn)) for row in rows]


@pytest.mark.parametrize(
    ("amounts", "used", "wanted"),
    [
        # Within what the lowest holds, those above have nothing more drawn.
        ((10, 6, 4), 3, [(3, 6), (3, 4), (3, 3)]),
        # More than the lowest holds, within the middle one: the middle has more drawn, the root has not.
        ((10, 6, 4), 5, [(5, 6), (5, 5), (5, 5)]),
        # More than all of them.
        ((10, 6, 4), 12, [(12, 12), (12, 12), (12, 12)]),
    ],
)
def test_use_counts_above_at_once(amounts: tuple[int, ...], used: int, wanted: list[tuple[int, int]]) -> None:
    rows = chain(*amounts)
    spend(rows, Decimal(used))
    assert figures(rows) == wanted


def test_less_than_was_stated_is_taken_back_all_the_way() -> None:
    rows = chain(10, 6, 4)
    spend(rows, Decimal(12))
    spend(rows, Decimal(-9))
    assert figures(rows) == [(3, 6), (3, 4), (3, 3)]


def test_one_that_ends_gives_back_what_it_did_not_use() -> None:
    rows = chain(10, 6)
    spend(rows, Decimal(2))
    before = taken(rows[-1])
    rows[-1].is_open = False
    changed(rows, before)
    assert (free(rows[0]), still_held(rows[0]), taken(rows[-1])) == (Decimal(8), Decimal(8), Decimal(2))
    rows[0].is_open = False
    assert still_held(rows[0]) == ZERO


def test_the_account_holds_what_is_not_charged_yet_and_never_less_than_nothing() -> None:
    rows = chain(10)
    spend(rows, Decimal(4))
    assert still_held(rows[0]) == Decimal(6)
    spend(rows, Decimal(8))
    assert (still_held(rows[0]), free(rows[0])) == (ZERO, Decimal(-2))
