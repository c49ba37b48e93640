from governance.charts.engine.colours import NAMED, colours_of


def test_a_name_keeps_its_colour_in_another_order() -> None:
    names = ["search", "support", "research", "platform"]
    assert colours_of(names) == colours_of(reversed(names))


def test_names_have_different_colours_while_there_are_any() -> None:
    assert set(colours_of(str(number) for number in range(len(NAMED))).values()) == set(NAMED)
    assert len(colours_of(str(number) for number in range(20))) == 20
