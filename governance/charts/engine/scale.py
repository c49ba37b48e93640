"""The values of a picture in pixels: round steps from the least to the highest, up the plot."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from governance.charts.engine.frame import Frame, px

TICKS = 4
FACTORS = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 12.5)
# What floats make of a multiple of a step is no step of its own.
ROUNDING = 1e-9


def round_step(highest: float) -> float:
    """A round number of which TICKS reach the highest value."""
    if highest <= 0:
        return 0.25
    least = highest / TICKS
    size = 10.0 ** (ceil(log10(least)) - 1)
    return next(size * factor for factor in FACTORS if size * factor >= least)


@dataclass(frozen=True, slots=True)
class Scale:
    """From `first` to `last` steps of `step`, counted from 0. Values below 0 lie below the line of 0."""

    frame: Frame
    step: float
    first: int
    last: int

    @property
    def ground(self) -> float:
        """The value on which bars stand: 0, or the least one where the axis begins above 0."""
        return max(self.first * self.step, 0.0)

    @property
    def values(self) -> tuple[float, ...]:
        """One for each tick."""
        return tuple(self.step * number for number in range(self.first, self.last + 1))

    def y(self, value: Decimal | float) -> float:
        share = (float(value) / self.step - self.first) / (self.last - self.first)
        return self.frame.top + self.frame.plot_height * (1 - share)

    def span(self, start: Decimal | float, end: Decimal | float) -> tuple[str, str]:
        """The upper edge and the height of a bar between two values, whichever is the higher."""
        upper, lower = sorted((self.y(start), self.y(end)))
        return px(upper), px(lower - upper)


def scale_of(values: Iterable[Decimal | float], frame: Frame) -> Scale:
    """Reaches from 0 to every value, above and below."""
    known = [0.0, *(float(value) for value in values)]
    return scale_between(min(known), max(known), frame)


def scale_between(low: float, high: float, frame: Frame) -> Scale:
    """Reaches from `low` to `high`, so that its axis need not begin at 0."""
    step = round_step(high - low)
    first = floor(low / step + ROUNDING)
    return Scale(frame, step, first, max(ceil(high / step - ROUNDING), first + 1))
