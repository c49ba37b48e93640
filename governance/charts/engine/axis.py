"""What stands beside and below a plot: values with their rules, and names of columns that do not run together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.numbers import shorts
from governance.charts.engine.scale import Scale

# Of the labels' type, in pixels: a digit is as wide as most letters are at most.
CHARACTER = 7
GAP = 12
DAYS_IN_WEEK = 7


@dataclass(frozen=True, slots=True)
class Tick:
    """`at` is its y beside the plot, its x below."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """`zero_y` is the line on which bars stand."""

    frame: Frame
    ticks: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    zero_y: str


def axis_of(scale: Scale, labels: Sequence[Tick]) -> Axis:
    ticks = zip(scale.values, shorts(scale.values), strict=True)
    return Axis(
        frame=scale.frame,
        ticks=tuple(Tick(px(scale.y(value)), label) for value, label in ticks),
        labels=tuple(labels),
        zero_y=px(scale.y(scale.ground)),
    )


def day_label(day: date) -> str:
    """`7 Nov`: no country reads it as 11 July."""
    return f"{day.day} {day:%b}"


def day_labels(days: Sequence[date], columns: Columns) -> tuple[Tick, ...]:
    """One for each day where there is room, else of one weekday; the last day has its own."""
    return spaced([day_label(day) for day in days], columns, together=DAYS_IN_WEEK)


def spaced(labels: Sequence[str], columns: Columns, *, together: int = 1) -> tuple[Tick, ...]:
    """As many of the columns' labels, counted from the last, as do not run into each other."""
    every = every_of(labels, columns, together=together)
    return tuple(
        Tick(columns.middle(number), label)
        for number, label in enumerate(labels)
        if label and (len(labels) - 1 - number) % every == 0
    )


def every_of(labels: Sequence[str], columns: Columns, *, together: int = 1) -> int:
    """Every how many columns there is room for a label; not each one means a multiple of `together`."""
    widest = max((len(label) for label in labels), default=0) * CHARACTER + GAP
    needed = ceil(widest / columns.width)
    return needed if needed <= 1 else ceil(needed / together) * together
