"""Cost per day, stacked, as a picture of fixed size. Pixels only: floats never leave the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil, log10

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 60, 8, 14, 30
# Okabe and Ito's colours, told apart by colour-blind eyes and on light and dark ground; grey for what nobody owns.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1")
LOST = "#8a8f98"
TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    by_day: Mapping[date, Decimal]
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    y: str
    height: str
    colour: str


@dataclass(frozen=True, slots=True)
class Day:
    """One column; `said` is what a pointer or a reader of screens is told."""

    x: str
    width: str
    bars: tuple[Bar, ...]
    said: str
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    label: str


@dataclass(frozen=True, slots=True)
class Legend:
    name: str
    colour: str
    cost: Decimal


@dataclass(frozen=True, slots=True)
class CostChart:
    days: tuple[Day, ...]
    ticks: tuple[Tick, ...]
    legend: tuple[Legend, ...]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    zero: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT


def cost_chart(*, series: Sequence[Series], days: Sequence[date], currency: str) -> CostChart:
    coloured = [(one, LOST if one.is_lost else COLOURS[number % len(COLOURS)]) for number, one in enumerate(series)]
    totals = {day: sum((one.by_day.get(day, Decimal(0)) for one in series), Decimal(0)) for day in days}
    step = _step(float(max(totals.values(), default=Decimal(0))))
    top = step * TICKS
    slot = (WIDTH - LEFT - RIGHT) / len(days)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    def column(number: int, day: date) -> Day:
        bars, below = [], 0.0
        for one, colour in coloured:
            if cost := float(one.by_day.get(day, Decimal(0))):
                bars.append(Bar(_px(y(below + cost)), _px(y(below) - y(below + cost)), colour))
                below += cost
        parts = [f"{one.name} {one.by_day[day]:,.2f}" for one, _colour in coloured if one.by_day.get(day)]
        said = f"{day:%a} {day}: {totals[day]:,.2f} {currency}"
        is_labelled = (len(days) - 1 - number) % 7 == 0
        return Day(
            x=_px(LEFT + slot * number + slot * 0.12),
            width=_px(slot * 0.76),
            bars=tuple(bars),
            said="\n".join([said, *parts]),
            label=f"{day:%m-%d}" if is_labelled else "",
        )

    legend = tuple(Legend(one.name, colour, sum(one.by_day.values(), Decimal(0))) for one, colour in coloured)
    dearest = max(days, key=lambda day: totals[day])
    parts = ", ".join(f"{one.name} {one.cost:,.2f}" for one in legend)
    return CostChart(
        days=tuple(column(number, day) for number, day in enumerate(days)),
        ticks=tuple(Tick(_px(y(step * number)), _short(step * number)) for number in range(TICKS + 1)),
        legend=legend,
        summary=f"{sum(totals.values(), Decimal(0)):,.2f} {currency} from {days[0]} to {days[-1]}: {parts}."
        f" The dearest day was {dearest} with {totals[dearest]:,.2f}.",
    )


def _px(value: float) -> str:
    return f"{value:.1f}"


def _step(highest: float) -> float:
    """A round number of which TICKS reach the highest value."""
    if highest <= 0:
        return 0.25
    least = highest / TICKS
    size = 10.0 ** (ceil(log10(least)) - 1)
    return next(size * factor for factor in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 12.5) if size * factor >= least)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.3g}"  # noqa: PLR2004  # two digits say enough
