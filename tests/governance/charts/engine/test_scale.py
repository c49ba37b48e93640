from hypothesis import given
from hypothesis import strategies as st

from governance.charts.engine.frame import Frame
from governance.charts.engine.scale import TICKS, round_step, scale_between, scale_of

FRAME = Frame(width=960, height=260, left=64, right=944, top=10, bottom=210)


@given(st.floats(1e-6, 1e12))
def test_four_round_steps_reach_the_highest_value(highest: float) -> None:
    assert highest <= 4 * round_step(highest) * (1 + 1e-9) <= 8 * highest


def test_a_scale_reaches_from_0_to_its_highest_value() -> None:
    scale = scale_of([30, 80], FRAME)
    assert scale.values == (0, 20, 40, 60, 80)
    assert [scale.y(value) for value in (0, 40, 80)] == [210, 110, 10]
    assert scale.span(0, 40) == ("110.0", "100.0")


def test_what_is_below_nothing_hangs_from_the_line_of_0() -> None:
    scale = scale_of([30, -10], FRAME)
    assert scale.values == (-10, 0, 10, 20, 30)
    assert scale.y(0) == 160
    assert scale.span(0, -10) == ("160.0", "50.0")


def test_where_all_is_below_nothing_0_is_the_upper_edge() -> None:
    scale = scale_of([-8, -2], FRAME)
    assert scale.values == (-8, -6, -4, -2, 0)
    assert scale.span(0, -8) == ("10.0", "200.0")


def test_nothing_has_a_scale() -> None:
    scale = scale_of([], FRAME)
    assert scale.y(0) == 210
    assert scale.span(0, 0) == ("210.0", "0.0")


def test_an_axis_may_begin_above_0() -> None:
    scale = scale_between(99_000, 101_000, FRAME)
    assert (scale.ground, scale.values[-1]) == (99_000, 101_000)


values = st.lists(st.decimals(-(10**9), 10**9, places=2), max_size=9)


@given(values)
def test_every_value_lies_in_the_plot_and_no_height_is_below_0(known: list[float]) -> None:
    scale = scale_of(known, FRAME)
    assert scale.last - scale.first <= TICKS + 1
    for value in known:
        upper, height = (float(part) for part in scale.span(0, value))
        assert height >= 0
        assert FRAME.top - 0.1 <= upper <= round(upper + height, 1) <= FRAME.bottom + 0.1
