"""Cost per day, stacked, as a picture of fixed size. Pixels only: floats never leave the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.charts.engine.axis import Axis, axis_of, day_labels
from governance.charts.engine.colours import OTHERS, UNOWNED, colours_of
from governance.charts.engine.frame import Columns, Frame
from governance.charts.engine.marks import Bar, Key
from governance.charts.engine.numbers import money
from governance.charts.engine.scale import Scale, scale_of

FRAME = Frame(width=960, height=260, left=60, right=944, top=14, bottom=230)
FILLED = 0.76
NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    by_day: Mapping[date, Decimal]
    is_lost: bool = False
    is_others: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One column; `said` is what a pointer or a reader of screens is told."""

    x: str
    width: str
    bars: tuple[Bar, ...]
    said: str


@dataclass(frozen=True, slots=True)
class CostChart:
    days: tuple[Day, ...]
    axis: Axis
    legend: tuple[Key, ...]
    summary: str


def cost_chart(*, series: Sequence[Series], days: Sequence[date], currency: str) -> CostChart:
    """`days` in order, at least one. What a day was given back hangs below the line of 0."""
    columns = Columns(FRAME, len(days))
    scale = scale_of([end for day in days for end in _ends(series, day)], FRAME)
    coloured = _coloured(series)
    totals = {day: sum((one.by_day.get(day, NONE) for one in series), NONE) for day in days}

    def column(number: int, day: date) -> Day:
        parts = [f"{one.name} {money(one.by_day[day])}" for one in series if one.by_day.get(day)]
        x, width = columns.bar(number, filled=FILLED)
        return Day(
            x=x,
            width=width,
            bars=tuple(_stack(coloured, day, scale=scale, x=x, width=width)),
            said="\n".join([f"{day:%a} {day}: {money(totals[day], currency)}", *parts]),
        )

    return CostChart(
        days=tuple(column(number, day) for number, day in enumerate(days)),
        axis=axis_of(scale, day_labels(days, columns)),
        legend=tuple(Key(one.name, colour, said=money(_sum(one))) for one, colour in coloured),
        summary=_summary(series, totals, currency),
    )


def _coloured(series: Sequence[Series]) -> list[tuple[Series, str]]:
    named = colours_of(one.name for one in series if not one.is_lost and not one.is_others)
    return [
        (one, UNOWNED if one.is_lost else OTHERS if one.is_others else named[one.name]) for one in series
    ]  # fmt: skip


def _ends(series: Sequence[Series], day: date) -> tuple[Decimal, Decimal]:
    """How far the day reaches below and above 0."""
    costs = [one.by_day.get(day, NONE) for one in series]
    return sum((min(cost, NONE) for cost in costs), NONE), sum((max(cost, NONE) for cost in costs), NONE)


def _stack(coloured: Sequence[tuple[Series, str]], day: date, *, scale: Scale, x: str, width: str) -> list[Bar]:
    bars, above, below = [], NONE, NONE
    for one, colour in coloured:
        cost = one.by_day.get(day, NONE)
        if not cost:
            continue
        start = above if cost > 0 else below
        y, height = scale.span(start, start + cost)
        bars.append(Bar(x, y, width, height, colour))
        above, below = (start + cost, below) if cost > 0 else (above, start + cost)
    return bars


def _sum(one: Series) -> Decimal:
    return sum(one.by_day.values(), NONE)


def _summary(series: Sequence[Series], totals: Mapping[date, Decimal], currency: str) -> str:
    highest = max(totals, key=lambda day: totals[day])
    parts = ", ".join(f"{one.name} {money(_sum(one))}" for one in series)
    return (
        f"{money(sum(totals.values(), NONE), currency)} from {min(totals)} to {max(totals)}: {parts}."
        f" The highest day was {highest} with {money(totals[highest])}."
    )
