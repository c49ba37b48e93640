from datetime import date
from decimal import Decimal

from allocation.coverage.engine.coverage import AttributedShare, UsageTotals
from allocation.coverage.engine.coverage_chart import coverage_chart

DAY = date(2026, 11, 24)


def test_a_day_of_less_than_nothing_is_not_attributed_at_all() -> None:
    less = AttributedShare(UsageTotals(cost=Decimal(4)), UsageTotals(cost=Decimal(-2)))
    chart = coverage_chart(by_day={DAY: less}, days=[DAY], currency="USD")
    assert [(day.attributed, day.rest) for day in chart.days] == [("0.0", "176.0")]


def test_the_axis_is_of_shares() -> None:
    chart = coverage_chart(by_day={}, days=[DAY], currency="USD")
    assert [tick.label for tick in chart.axis.ticks] == ["0 %", "50 %", "100 %"]
    assert [key.name for key in chart.legend] == ["attributed", "unattributed", "80 % crawl, 90 % run"]
