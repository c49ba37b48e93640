from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from allocation.unit_economics.engine.unit_chart import TrendValue, histogram, line_chart
from governance.charts.engine.axis import day_label
from governance.charts.engine.numbers import money

FIRST = date(2026, 11, 2)


def trend_values(*values: str | None) -> list[TrendValue]:
    days = [FIRST + timedelta(days=position) for position in range(len(values))]
    return [
        TrendValue(f"{day}", day_label(day), None if value is None else Decimal(value))
        for day, value in zip(days, values, strict=True)
    ]


def test_where_there_is_no_value_there_is_no_line() -> None:
    chart = line_chart(trend_values("10", "20", None, "40"), target=Decimal(30), format_value=money)
    assert chart.lines == ("181.0,179.0 399.0,128.0",)
    assert [point.description for point in chart.points] == [
        "2026-11-02: 10.00",
        "2026-11-03: 20.00",
        "2026-11-05: 40.00",
    ]
    assert [tick.label for tick in chart.axis.labels] == ["2 Nov", "3 Nov", "4 Nov", "5 Nov"]
    assert chart.target_y == "77.0"


def test_a_negative_value_lies_below_the_line_of_0() -> None:
    chart = line_chart(trend_values("-10", "30"), target=None, format_value=money)
    assert [tick.label for tick in chart.axis.ticks] == ["−10", "0", "10", "20", "30"]
    assert [(point.y, chart.axis.zero_y) for point in chart.points] == [("230.0", "179.0"), ("26.0", "179.0")]


def test_many_long_values_are_labelled_where_there_is_room() -> None:
    chart = line_chart(trend_values(*["0.000656"] * 27), target=None, format_value=money)
    labelled = [float(point.x) for point in chart.points if point.label]
    assert len(labelled) == 9
    assert min(after - before for before, after in pairwise(labelled)) > 8 * 7


def test_many_days_are_labelled_by_the_week() -> None:
    chart = line_chart(trend_values(*["5"] * 27), target=None, format_value=money, together=7)
    assert [tick.label for tick in chart.axis.labels] == ["7 Nov", "14 Nov", "21 Nov", "28 Nov"]
    assert [point.description for point in chart.points if point.label] == [
        "2026-11-07: 5.00", "2026-11-14: 5.00", "2026-11-21: 5.00", "2026-11-28: 5.00",
    ]  # fmt: skip


def test_no_values_draw_nothing() -> None:
    chart = line_chart(trend_values(None, None), target=None, format_value=money)
    assert (chart.lines, chart.points, chart.target_y) == ((), (), "")


def test_a_histogram_shows_its_counts() -> None:
    chart = histogram(["≥ 8k", "≥ 16k"], [1500, 0])
    assert [(bar.height, bar.count) for bar in chart.bars] == [("191.2", "1,500"), ("0.0", "")]
    assert [tick.label for tick in chart.axis.ticks] == ["0", "400", "800", "1.2k", "1.6k"]
    assert [tick.label for tick in chart.axis.labels] == ["≥ 8k", "≥ 16k"]
