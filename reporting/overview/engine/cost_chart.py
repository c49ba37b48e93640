"""Chart of the cost per day, stacked by scope. Coordinates are text for SVG; amounts stay Decimal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.charts.engine.axis import Axis, axis_of, day_labels
from governance.charts.engine.colours import BLUE, OTHERS, UNOWNED
from governance.charts.engine.frame import Columns, Frame
from governance.charts.engine.marks import Bar, Key
from governance.charts.engine.numbers import money
from governance.charts.engine.scale import Scale, scale_of

FRAME = Frame(width=960, height=260, left=60, right=944, top=14, bottom=230)
FILLED = 0.76
NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Series:
    """Cost by day of one scope in its colour, of what is unattributed, or of the smaller scopes together."""

    name: str
    by_day: Mapping[date, Decimal]
    colour: str = BLUE
    is_unattributed: bool = False
    is_others: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One column; ``tooltip`` is the text for pointers and screen readers."""

    x: str
    width: str
    bars: tuple[Bar, ...]
    tooltip: str


@dataclass(frozen=True, slots=True)
class CostChart:
    """The columns, axis and legend, with a summary for screen readers."""

    days: tuple[Day, ...]
    axis: Axis
    legend: tuple[Key, ...]
    summary: str


def cost_chart(*, series: Sequence[Series], days: Sequence[date], currency: str) -> CostChart:
    """The chart of these series. ``days`` are in order, at least one; credits are drawn below the line of 0."""
    columns = Columns(FRAME, len(days))
    scale = scale_of([end for day in days for end in _ends(series, day)], FRAME)
    coloured = _coloured(series)
    totals = {day: sum((line.by_day.get(day, NONE) for line in series), NONE) for day in days}

    def column(number: int, day: date) -> Day:
        parts = [f"{line.name} {money(line.by_day[day])}" for line in series if line.by_day.get(day)]
        x, width = columns.bar(number, filled=FILLED)
        return Day(
            x=x,
            width=width,
            bars=tuple(_stack(coloured, day, scale=scale, x=x, width=width)),
            tooltip="\n".join([f"{day:%a} {day}: {money(totals[day], currency)}", *parts]),
        )

    return CostChart(
        days=tuple(column(number, day) for number, day in enumerate(days)),
        axis=axis_of(scale, day_labels(days, columns)),
        legend=tuple(Key(line.name, colour, said=money(_sum(line))) for line, colour in coloured),
        summary=_summary(series, totals, currency),
    )


def _coloured(series: Sequence[Series]) -> list[tuple[Series, str]]:
    return [(line, UNOWNED if line.is_unattributed else OTHERS if line.is_others else line.colour) for line in series]


def _ends(series: Sequence[Series], day: date) -> tuple[Decimal, Decimal]:
    """The sums of the day's credits and of its costs."""
    costs = [line.by_day.get(day, NONE) for line in series]
    return sum((min(cost, NONE) for cost in costs), NONE), sum((max(cost, NONE) for cost in costs), NONE)


def _stack(coloured: Sequence[tuple[Series, str]], day: date, *, scale: Scale, x: str, width: str) -> list[Bar]:
    bars, above, below = [], NONE, NONE
    for line, colour in coloured:
        cost = line.by_day.get(day, NONE)
        if not cost:
            continue
        start = above if cost > 0 else below
        y, height = scale.span(start, start + cost)
        bars.append(Bar(x, y, width, height, colour))
        above, below = (start + cost, below) if cost > 0 else (above, start + cost)
    return bars


def _sum(line: Series) -> Decimal:
    return sum(line.by_day.values(), NONE)


def _summary(series: Sequence[Series], totals: Mapping[date, Decimal], currency: str) -> str:
    highest = max(totals, key=lambda day: totals[day])
    parts = ", ".join(f"{line.name} {money(_sum(line))}" for line in series)
    return (
        f"{money(sum(totals.values(), NONE), currency)} from {min(totals)} to {max(totals)}: {parts}."
        f" The highest day was {highest} with {money(totals[highest])}."
    )
