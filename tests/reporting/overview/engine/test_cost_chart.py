from datetime import date
from decimal import Decimal

from governance.charts.engine.colours import OTHERS, UNOWNED
from reporting.overview.engine.cost_chart import Series, cost_chart

DAYS = [date(2026, 11, 23), date(2026, 11, 24)]


def test_the_chart_ends_at_a_round_number_and_stacks_upwards() -> None:
    series = [
        Series("search", {DAYS[0]: Decimal(30), DAYS[1]: Decimal(60)}),
        Series("unattributed", {DAYS[1]: Decimal(20)}, is_unattributed=True),
    ]
    chart = cost_chart(series=series, days=DAYS, currency="USD")
    assert [tick.label for tick in chart.axis.ticks] == ["0", "20", "40", "60", "80"]
    assert [(bar.y, bar.height) for bar in chart.days[1].bars] == [("68.0", "162.0"), ("14.0", "54.0")]
    assert chart.summary == (
        "110.00 USD from 2026-11-23 to 2026-11-24: search 90.00, unattributed 20.00."
        " The highest day was 2026-11-24 with 80.00."
    )


def test_a_chart_of_nothing_is_drawn() -> None:
    chart = cost_chart(series=[], days=[date(2026, 11, 24)], currency="USD")
    assert chart.days[0].bars == ()


def test_a_day_of_less_than_nothing_hangs_from_the_line_of_0() -> None:
    series = [
        Series("search", {DAYS[0]: Decimal(30), DAYS[1]: Decimal(-6)}),
        Series("support", {DAYS[0]: Decimal(10), DAYS[1]: Decimal(10)}),
        Series("research", {DAYS[1]: Decimal(-4)}),
    ]
    chart = cost_chart(series=series, days=DAYS, currency="USD")
    assert [tick.label for tick in chart.axis.ticks] == ["−15", "0", "15", "30", "45"]
    assert chart.axis.zero_y == "176.0"
    assert [(bar.y, bar.height) for bar in chart.days[1].bars] == [
        ("176.0", "21.6"), ("140.0", "36.0"), ("197.6", "14.4"),
    ]  # fmt: skip
    assert chart.days[1].tooltip == "Tue 2026-11-24: 0.00 USD\nsearch -6.00\nsupport 10.00\nresearch -4.00"


def test_what_nobody_owns_and_what_is_left_have_colours_of_their_own() -> None:
    series = [
        Series("search", {DAYS[0]: Decimal(3)}),
        Series("2 others", {DAYS[0]: Decimal(2)}, is_others=True),
        Series("unattributed", {DAYS[0]: Decimal(1)}, is_unattributed=True),
    ]
    chart = cost_chart(series=series, days=DAYS, currency="USD")
    assert [bar.colour for bar in chart.days[0].bars][1:] == [OTHERS, UNOWNED]
    assert [(key.name, key.colour, key.said) for key in chart.legend][1:] == [
        ("2 others", OTHERS, "2.00"), ("unattributed", UNOWNED, "1.00"),
    ]  # fmt: skip
