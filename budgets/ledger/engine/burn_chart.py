"""A chart of a budget's period: spent so far, an even pace, the amount."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from budgets.plans.engine.periods import Period
from governance.charts.engine.axis import Axis, Tick, axis_of, day_label
from governance.charts.engine.colours import BAD, BLUE, LINE
from governance.charts.engine.frame import Frame, px
from governance.charts.engine.marks import Key
from governance.charts.engine.scale import Scale, scale_of

FRAME = Frame(width=720, height=240, left=72, right=696, top=16, bottom=208)
DAYS_IN_LONGEST_MONTH, DAYS_IN_WEEK = 31, 7
USED, BUDGET = BLUE, BAD
LEGEND = (Key("used so far", USED, "line"), Key("an even pace", LINE, "dashes"), Key("the budget", BUDGET, "line"))
LEGEND_WITH_FORECAST = (LEGEND[0], Key("expected; the area: 80 of 100 cases", USED, "dashes"), *LEGEND[1:])


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will have been spent at the end of the day, at least, most likely and at most."""

    day: date
    low: Decimal
    mid: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class BurnChart:
    """Points are `x,y` in pixels; `actual` stops at today. `fan` and `expected` begin there, and are empty without a
    forecast.
    """

    actual: str
    area: str
    even: tuple[tuple[str, str], tuple[str, str]]
    budget_y: str
    today_x: str
    last: tuple[str, str] | None
    axis: Axis
    fan: str = ""
    expected: str = ""
    legend: tuple[Key, ...] = LEGEND
    used_colour: str = USED
    budget_colour: str = BUDGET


def burn_up(
    *,
    amount: Decimal,
    spent_by_day: Mapping[date, Decimal],
    period: Period,
    today: date,
    ahead: Sequence[Ahead] = (),
) -> BurnChart:
    """Cumulative spending against the budget and an even pace, and what is expected from the day before the first of
    `ahead` on. All results are pixels: floats are used for drawing only.
    """
    series = _series(spent_by_day, period, today)
    scale = scale_of([amount, *(total for _day, total in series), *(each.high for each in ahead)], FRAME)
    points = [(_x(day, period), px(scale.y(total))) for day, total in series]
    budget_y, zero_y = px(scale.y(amount)), px(scale.y(0))
    actual = " ".join(f"{x},{y}" for x, y in points)
    has_started = period.start <= today
    return BurnChart(
        actual=actual if has_started else "",
        area=f"{points[0][0]},{zero_y} {actual} {points[-1][0]},{zero_y}" if has_started else "",
        even=((_x(0, period), zero_y), (_x(period.days, period), budget_y)),
        budget_y=budget_y,
        today_x=_x((today - period.start).days + 1, period) if period.contains(today) else "",
        last=points[-1] if has_started else None,
        axis=axis_of(scale, _labels(period)),
        **_forecast(ahead, series, scale, period),
    )


def _forecast(
    ahead: Sequence[Ahead], series: Sequence[tuple[int, Decimal]], scale: Scale, period: Period
) -> dict[str, Any]:
    if not ahead:
        return {}
    begin = (ahead[0].day - period.start).days
    booked = next((total for day, total in series if day == begin), Decimal(0))
    days = [(begin, booked, booked, booked)]
    days += [((each.day - period.start).days + 1, each.low, each.mid, each.high) for each in ahead]
    lows, mids, highs = (
        [f"{_x(day[0], period)},{px(scale.y(Decimal(day[place])))}" for day in days] for place in (1, 2, 3)
    )
    return {"fan": " ".join([*highs, *reversed(lows)]), "expected": " ".join(mids), "legend": LEGEND_WITH_FORECAST}


def _series(spent_by_day: Mapping[date, Decimal], period: Period, today: date) -> Sequence[tuple[int, Decimal]]:
    """What was spent up to the end of each day of the period until today, starting at 0 before its first day."""
    shown_until = min(max(today, period.start - timedelta(days=1)), period.last_day)
    total = Decimal(0)
    series = [(0, total)]
    for number in range((shown_until - period.start).days + 1):
        total += spent_by_day.get(period.start + timedelta(days=number), Decimal(0))
        series.append((number + 1, total))
    return series


def _x(day: int, period: Period) -> str:
    return px(FRAME.left + (FRAME.right - FRAME.left) * day / period.days)


def _labels(period: Period) -> tuple[Tick, ...]:
    """Labels where a week begins; in a period longer than a month, where a month begins."""
    days = [period.start + timedelta(days=number) for number in range(period.days)]
    if period.days <= DAYS_IN_LONGEST_MONTH:
        return tuple(Tick(_x(number, period), day_label(days[number])) for number in range(0, len(days), DAYS_IN_WEEK))
    return tuple(Tick(_x(number, period), f"{day:%b}") for number, day in enumerate(days) if day.day == 1)
