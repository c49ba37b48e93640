"""The axes of a chart: values beside the plot, and labels below it that do not overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.numbers import shorts
from governance.charts.engine.scale import Scale

# Width of a digit in pixels; few letters are wider.
CHARACTER = 7
GAP = 12
DAYS_IN_WEEK = 7


@dataclass(frozen=True, slots=True)
class Tick:
    """A label and where it stands: `at` is its y beside the plot, its x below it."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Ticks beside the plot and labels below it; `zero_y` is the line on which bars stand."""

    frame: Frame
    ticks: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    zero_y: str


def axis_of(scale: Scale, labels: Sequence[Tick]) -> Axis:
    """The axis of a scale, with a tick for each of its values."""
    ticks = zip(scale.values, shorts(scale.values), strict=True)
    return Axis(
        frame=scale.frame,
        ticks=tuple(Tick(px(scale.y(value)), label) for value, label in ticks),
        labels=tuple(labels),
        zero_y=px(scale.y(scale.ground)),
    )


def day_label(day: date) -> str:
    """`7 Nov`: a number for the month would be read differently in different countries."""
    return f"{day.day} {day:%b}"


def day_labels(days: Sequence[date], columns: Columns) -> tuple[Tick, ...]:
    """A label for each day where there is room, else for one day of each week, counted back from the last day."""
    return spaced([day_label(day) for day in days], columns, together=DAYS_IN_WEEK)


def spaced(labels: Sequence[str], columns: Columns, *, together: int = 1) -> tuple[Tick, ...]:
    """Labels of as many columns as fit without overlapping, counted back from the last."""
    every = every_of(labels, columns, together=together)
    return tuple(
        Tick(columns.middle(number), label)
        for number, label in enumerate(labels)
        if label and (len(labels) - 1 - number) % every == 0
    )


def every_of(labels: Sequence[str], columns: Columns, *, together: int = 1) -> int:
    """Every how many columns there is room for a label; above 1 it is a multiple of `together`."""
    widest = max((len(label) for label in labels), default=0) * CHARACTER + GAP
    needed = ceil(widest / columns.width)
    return needed if needed <= 1 else ceil(needed / together) * together
