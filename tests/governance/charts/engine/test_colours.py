from governance.charts.engine.colours import NAMED, colour_of


def test_siblings_have_different_colours_by_their_rank() -> None:
    assert [colour_of(rank) for rank in range(len(NAMED))] == list(NAMED)
    assert len({colour_of(rank) for rank in range(3 * len(NAMED))}) == 3 * len(NAMED)
    assert (colour_of(7), colour_of(14), colour_of(21)) == ("#00446a", "#72b1d4", NAMED[0])
