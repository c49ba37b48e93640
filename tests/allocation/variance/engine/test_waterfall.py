from hypothesis import given
from hypothesis import strategies as st

from allocation.variance.engine.waterfall import waterfall, waterfall_levels

NANO = 10**9


def test_the_waterfall_leads_from_before_to_after() -> None:
    levels = waterfall_levels(
        ("Before", "2026-09", 100 * NANO), [("Volume", 50 * NANO), ("Price", -80 * NANO)], ("After", "2026-10")
    )
    assert [(level.start // NANO, level.end // NANO) for level in levels] == [(0, 100), (100, 150), (150, 70), (0, 70)]
    chart = waterfall(levels, currency="USD")
    assert [bar.kind for bar in chart.bars] == ["total", "up", "down", "total"]
    assert [bar.label for bar in chart.bars] == ["100.00", "+50.00", "−80.00", "70.00"]
    assert chart.bars[0].description == "Before (2026-09): 100.00 USD"
    assert chart.begins_at == ""


def test_an_axis_that_does_not_begin_at_nothing_says_so() -> None:
    levels = waterfall_levels(("Before", "", 100_000 * NANO), [("Volume", 1000 * NANO)], ("After", ""))
    chart = waterfall(levels, currency="USD")
    assert chart.begins_at == "99k"


amounts = st.integers(-(10**14), 10**14)


@given(st.integers(0, 10**14), st.lists(amounts, max_size=5))
def test_every_bar_lies_in_the_picture(before: int, moved: list[int]) -> None:
    levels = waterfall_levels(
        ("Before", "", before), [(str(number), part) for number, part in enumerate(moved)], ("After", "")
    )
    chart = waterfall(levels, currency="USD")
    assert levels[-1].end == before + sum(moved)
    for bar in chart.bars:
        assert float(bar.y) >= 0
        assert float(bar.y) + float(bar.height) <= chart.axis.frame.height


def test_a_cost_below_nothing_hangs_from_the_line_of_0() -> None:
    levels = waterfall_levels(("Before", "", 30 * NANO), [("Volume", -40 * NANO)], ("After", ""))
    chart = waterfall(levels, currency="USD")
    assert chart.axis.zero_y == "214.0"
    assert [(bar.y, bar.height) for bar in chart.bars] == [("34.0", "180.0"), ("34.0", "240.0"), ("214.0", "60.0")]
    assert [tick.label for tick in chart.axis.ticks] == ["−10", "0", "10", "20", "30"]
