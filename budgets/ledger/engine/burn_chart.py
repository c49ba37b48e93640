"""A chart of a budget's period: spent and held, an even pace, what is expected, the amount, and when it runs out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from budgets.plans.engine.periods import Period
from governance.charts.engine.axis import Axis, Tick, axis_of, day_label
from governance.charts.engine.colours import BAD, BLUE, LINE, ORANGE
from governance.charts.engine.frame import Frame, px
from governance.charts.engine.marks import Bar, Key
from governance.charts.engine.scale import Scale, scale_of

FRAME = Frame(width=720, height=240, left=72, right=696, top=16, bottom=208)
DAYS_IN_LONGEST_MONTH, DAYS_IN_WEEK = 31, 7
NOTHING = Decimal(0)
USED, HELD, BUDGET = BLUE, ORANGE, BAD
USED_KEY, PACE_KEY = Key("used so far", USED, "line"), Key("an even pace", LINE, "dashes")
HELD_KEY, BUDGET_KEY = Key("held on top", HELD), Key("the budget", BUDGET, "line")
EXPECTED_KEY = Key("expected; the area: 80 of 100 cases", USED, "dashes")
HELD_WIDTH = 8
# A label stands left of its mark where there is room for it, and above the line of the budget.
LABEL_WIDTH, LABEL_GAP = 120, 8


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will have been spent at the end of the day, at least, most likely and at most."""

    day: date
    low: Decimal
    mid: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class RunsOut:
    """The day on which the budget is spent in 50 of 100 cases, and those in 10 and in 90; None when it lasts."""

    on: date
    early: date | None
    late: date | None


@dataclass(frozen=True, slots=True)
class RunsOutMark:
    """On the line of the budget: a mark with its label, and the span from the early day to the late one."""

    x: str
    label: str
    label_x: str
    label_y: str
    anchor: Literal["start", "end"]
    since_x: str
    until_x: str


@dataclass(frozen=True, slots=True)
class BurnChart:
    """Points are `x,y` in pixels; `actual` stops at today. `fan` and `expected` begin there, and are empty without a
    forecast. `held` stands on what was used, None where nothing is.
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
    held: Bar | None = None
    runs_out: RunsOutMark | None = None
    legend: tuple[Key, ...] = (USED_KEY, PACE_KEY, BUDGET_KEY)
    used_colour: str = USED
    budget_colour: str = BUDGET


def burn_up(
    *,
    amount: Decimal,
    spent_by_day: Mapping[date, Decimal],
    period: Period,
    today: date,
    ahead: Sequence[Ahead] = (),
    held: Decimal = NOTHING,
    runs_out: RunsOut | None = None,
    said: Callable[[Decimal], str] = lambda _amount: "",
) -> BurnChart:
    """Cumulative spending, and what is held on top of it, against the budget and an even pace, and what is expected
    from the day before the first of `ahead` on; `said` writes the amounts of the legend. All results are pixels:
    floats are used for drawing only.
    """
    series = _series(spent_by_day, period, today)
    used = series[-1][1]
    scale = scale_of([amount, *(total for _day, total in series), used + held, *(each.high for each in ahead)], FRAME)
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
        held=_held(points[-1][0], used, held, scale) if held and has_started else None,
        runs_out=_runs_out(runs_out, period, scale.y(amount)) if runs_out is not None else None,
        legend=_legend(said, amount=amount, used=used, held=held, is_expected=bool(ahead)),
        **_forecast(ahead, series, scale, period),
    )


def _held(x: str, used: Decimal, held: Decimal, scale: Scale) -> Bar:
    y, height = scale.span(used, used + held)
    return Bar(px(float(x) - HELD_WIDTH / 2), y, px(HELD_WIDTH), height, HELD)


def _runs_out(runs_out: RunsOut, period: Period, budget_y: float) -> RunsOutMark:
    def x(day: date) -> float:
        """Where the day ends: by then it is spent."""
        return float(_x(min(max((day - period.start).days + 1, 0), period.days), period))

    at = x(runs_out.on)
    is_left = at - FRAME.left > LABEL_WIDTH
    return RunsOutMark(
        x=px(at),
        label=f"spent on {day_label(runs_out.on)}",
        label_x=px(at - LABEL_GAP if is_left else at + LABEL_GAP),
        label_y=px(max(budget_y - LABEL_GAP, FRAME.top - 4)),
        anchor="end" if is_left else "start",
        since_x=px(x(runs_out.early or runs_out.on)),
        until_x=px(x(runs_out.late or period.last_day)),
    )


def _legend(
    said: Callable[[Decimal], str], *, amount: Decimal, used: Decimal, held: Decimal, is_expected: bool
) -> tuple[Key, ...]:
    keys = [(USED_KEY, said(used))]
    if held:
        keys.append((HELD_KEY, said(held)))
    if is_expected:
        keys.append((EXPECTED_KEY, ""))
    return tuple(replace(key, said=text) for key, text in (*keys, (PACE_KEY, ""), (BUDGET_KEY, said(amount))))


def _forecast(
    ahead: Sequence[Ahead], series: Sequence[tuple[int, Decimal]], scale: Scale, period: Period
) -> dict[str, Any]:
    if not ahead:
        return {}
    begin = (ahead[0].day - period.start).days
    booked = next((total for day, total in series if day == begin), NOTHING)
    days = [(begin, booked, booked, booked)]
    days += [((each.day - period.start).days + 1, each.low, each.mid, each.high) for each in ahead]
    lows, mids, highs = (
        [f"{_x(day[0], period)},{px(scale.y(Decimal(day[place])))}" for day in days] for place in (1, 2, 3)
    )
    return {"fan": " ".join([*highs, *reversed(lows)]), "expected": " ".join(mids)}


def _series(spent_by_day: Mapping[date, Decimal], period: Period, today: date) -> Sequence[tuple[int, Decimal]]:
    """What was spent up to the end of each day of the period until today, starting at 0 before its first day."""
    shown_until = min(max(today, period.start - timedelta(days=1)), period.last_day)
    total = NOTHING
    series = [(0, total)]
    for number in range((shown_until - period.start).days + 1):
        total += spent_by_day.get(period.start + timedelta(days=number), NOTHING)
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
