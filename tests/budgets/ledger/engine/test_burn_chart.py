from datetime import date
from decimal import Decimal

import pytest

from budgets.ledger.engine.burn_chart import Ahead, RunsOut, RunsOutMark, burn_up
from budgets.plans.engine.periods import Period
from governance.charts.engine.colours import ORANGE
from governance.charts.engine.marks import Bar

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))


def spent(**by_day: str) -> dict[date, Decimal]:
    return {date(2026, 11, int(day.removeprefix("on"))): Decimal(amount) for day, amount in by_day.items()}


def test_what_was_spent_adds_up_against_the_budget() -> None:
    chart = burn_up(
        amount=Decimal(600), spent_by_day=spent(on1="300", on3="150"), period=NOVEMBER, today=date(2026, 11, 3)
    )
    assert chart.actual == "72.0,208.0 92.8,112.0 113.6,112.0 134.4,64.0"
    assert chart.area == f"72.0,208.0 {chart.actual} 134.4,208.0"
    assert (chart.last, chart.today_x) == (("134.4", "64.0"), "134.4")
    assert (chart.even, chart.budget_y) == ((("72.0", "208.0"), ("696.0", "16.0")), "16.0")
    assert [tick.label for tick in chart.axis.ticks] == ["0", "150", "300", "450", "600"]
    assert [tick.label for tick in chart.axis.labels] == ["1 Nov", "8 Nov", "15 Nov", "22 Nov", "29 Nov"]


def test_what_is_given_back_falls_below_the_line_of_0() -> None:
    chart = burn_up(amount=Decimal(300), spent_by_day=spent(on1="-100"), period=NOVEMBER, today=date(2026, 11, 1))
    assert [tick.label for tick in chart.axis.ticks] == ["−100", "0", "100", "200", "300"]
    assert (chart.axis.zero_y, chart.last) == ("160.0", ("92.8", "208.0"))


def test_before_a_period_nothing_was_spent() -> None:
    chart = burn_up(amount=Decimal(12_000), spent_by_day={}, period=YEAR, today=date(2025, 12, 31))
    assert (chart.actual, chart.area, chart.last, chart.today_x) == ("", "", None, "")
    assert [tick.label for tick in chart.axis.ticks] == ["0", "3k", "6k", "9k", "12k"]
    assert [tick.label for tick in chart.axis.labels][::3] == ["Jan", "Apr", "Jul", "Oct"]


def test_after_a_period_all_of_it_is_shown() -> None:
    chart = burn_up(amount=Decimal(1), spent_by_day=spent(on30="2"), period=NOVEMBER, today=date(2027, 1, 1))
    assert (chart.last, chart.today_x) == (("696.0", "16.0"), "")


def test_what_is_expected_begins_where_spending_ends() -> None:
    ahead = [
        Ahead(date(2026, 11, day), Decimal(low), Decimal(mid), Decimal(high))
        for day, low, mid, high in ((29, 310, 330, 400), (30, 320, 360, 600))
    ]
    chart = burn_up(
        amount=Decimal(500), spent_by_day=spent(on1="300"), period=NOVEMBER, today=date(2026, 11, 28), ahead=ahead
    )
    assert chart.last == ("654.4", "112.0")
    assert chart.expected == "654.4,112.0 675.2,102.4 696.0,92.8"
    assert chart.fan == "654.4,112.0 675.2,80.0 696.0,16.0 696.0,105.6 675.2,108.8 654.4,112.0"
    assert [key.name for key in chart.legend][:2] == ["used so far", "expected; the area: 80 of 100 cases"]
    assert burn_up(amount=Decimal(500), spent_by_day={}, period=NOVEMBER, today=date(2026, 11, 28)).fan == ""


def test_what_is_held_stands_on_what_was_used() -> None:
    chart = burn_up(
        amount=Decimal(300), spent_by_day=spent(on1="100"), period=NOVEMBER, today=date(2026, 11, 3),
        held=Decimal(100), said=lambda amount: f"{amount} USD",
    )  # fmt: skip
    assert chart.last == ("134.4", "144.0")
    assert chart.held == Bar("130.4", "80.0", "8.0", "64.0", ORANGE)
    assert [(key.name, key.said) for key in chart.legend] == [
        ("used so far", "100 USD"), ("held on top", "100 USD"), ("an even pace", ""), ("the budget", "300 USD"),
    ]  # fmt: skip
    # The scale reaches what is held.
    high = burn_up(
        amount=Decimal(100), spent_by_day=spent(on1="100"), period=NOVEMBER, today=date(2026, 11, 1), held=Decimal(300)
    )
    assert [tick.label for tick in high.axis.ticks] == ["0", "100", "200", "300", "400"]


@pytest.mark.parametrize(
    ("runs_out", "mark"),
    [
        (
            RunsOut(date(2026, 11, 27), date(2026, 11, 26), None),
            RunsOutMark("633.6", "spent on 27 Nov", "625.6", "56.0", "end", "612.8", "696.0"),
        ),
        (
            RunsOut(date(2026, 11, 2), date(2026, 11, 2), date(2026, 11, 4)),
            RunsOutMark("113.6", "spent on 2 Nov", "121.6", "56.0", "start", "113.6", "155.2"),
        ),
    ],
)
def test_the_day_on_which_it_runs_out_is_marked_on_the_line(runs_out: RunsOut, mark: RunsOutMark) -> None:
    chart = burn_up(
        amount=Decimal(300), spent_by_day=spent(on1="400"), period=NOVEMBER, today=date(2026, 11, 1), runs_out=runs_out
    )
    assert (chart.runs_out, chart.budget_y) == (mark, "64.0")
