from decimal import Decimal

from governance.charts.engine.colours import OWN, SHARED_IN, SHARED_OUT
from governance.charts.engine.cost_bars import Costs, Piece, cost_bars


def test_a_bar_says_what_is_kept_what_came_and_what_was_shared_away() -> None:
    rows = [Costs(Decimal(60), Decimal(40), Decimal(15)), Costs(Decimal(50), Decimal(0), Decimal(0))]
    assert cost_bars(rows) == [
        (Piece("45.0", OWN), Piece("40.0", SHARED_IN), Piece("15.0", SHARED_OUT, is_hatched=True)),
        (Piece("50.0", OWN),),
    ]


def test_a_cost_below_nothing_has_no_bar() -> None:
    assert cost_bars([Costs(Decimal(-5), Decimal(0), Decimal(0))]) == [()]
