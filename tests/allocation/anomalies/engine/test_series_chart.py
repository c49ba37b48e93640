from datetime import date
from decimal import Decimal

from allocation.anomalies.engine.series_chart import SeriesDay, series_chart

MONDAY = date(2026, 6, 1)


def test_a_series_shows_gaps_bands_and_the_day_with_the_highest_cost() -> None:
    def point(number: int, observed: int | None, expected: int | None, *, is_anomalous: bool = False) -> SeriesDay:
        known = None if expected is None else Decimal(expected)
        high = None if known is None else known * 2
        return SeriesDay(
            MONDAY.replace(day=number), None if observed is None else Decimal(observed), known, high, is_anomalous
        )

    chart = series_chart(
        [point(1, 5, None), point(2, 10, 9), point(3, None, None), point(4, 90, 9, is_anomalous=True),
         point(5, 80, 9, is_anomalous=True)],
        unit="USD",
    )  # fmt: skip
    assert [bar.label for bar in chart.bars] == ["", "", "", "90", ""]
    assert [bar.is_missing for bar in chart.bars] == [False, False, True, False, False]
    assert len(chart.bands) == len(chart.lines) == 2
    assert chart.bars[0].description == "Mon 2026-06-01: 5.00 USD, too little history to expect anything"
    assert chart.bars[3].description == "Thu 2026-06-04: 90.00 USD, expected 9.00, unusual from 18.00"
    assert series_chart([], unit="USD").bars == ()


def test_a_negative_day_hangs_from_the_line_of_0() -> None:
    points = [
        SeriesDay(MONDAY.replace(day=number), Decimal(observed), None, None, is_anomalous=False)
        for number, observed in ((1, 30), (2, -10))
    ]
    chart = series_chart(points, unit="USD")
    assert [tick.label for tick in chart.axis.ticks] == ["−10", "0", "10", "20", "30"]
    assert chart.axis.zero_y == "193.0"
    assert [(bar.y, bar.height) for bar in chart.bars] == [("28.0", "165.0"), ("193.0", "55.0")]


def test_tokens_have_no_cents() -> None:
    point = SeriesDay(MONDAY, Decimal("5000.0"), Decimal("4100.4"), Decimal("8200.6"), is_anomalous=False)
    assert series_chart([point], unit="tokens").bars[0].description == (
        "Mon 2026-06-01: 5,000 tokens, expected 4,100, unusual from 8,201"
    )
