"""The values of a chart in pixels: round steps from the lowest to the highest, up the plot."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10

from governance.charts.engine.frame import Frame, px

TICKS = 4
FACTORS = (1, 1.5, 2, 2.5, 3, 4, 5, 10, 15)
# A value that is a multiple of the step up to the error of floats needs no step more.
ROUNDING = 1e-9


def round_step(highest: float) -> float:
    """A round step of which TICKS together reach the highest value."""
    if highest <= 0:
        return 0.25
    least = highest / TICKS
    size = 10.0 ** (ceil(log10(least)) - 1)
    return next(size * factor for factor in FACTORS if size * factor >= least)


@dataclass(frozen=True, slots=True)
class Scale:
    """Steps of `step` from `first` to `last`, counted from 0; values below 0 lie below the line of 0."""

    frame: Frame
    step: float
    first: int
    last: int

    @property
    def ground(self) -> float:
        """The value on which bars stand: 0, or the lowest value where the axis begins above 0."""
        return max(self.first * self.step, 0.0)

    @property
    def values(self) -> tuple[float, ...]:
        """The value of each tick."""
        return tuple(self.step * number for number in range(self.first, self.last + 1))

    def y(self, value: Decimal | float) -> float:
        """In pixels from the top of the picture."""
        share = (float(value) / self.step - self.first) / (self.last - self.first)
        return self.frame.top + self.frame.plot_height * (1 - share)

    def span(self, start: Decimal | float, end: Decimal | float) -> tuple[str, str]:
        """Upper edge and height of a bar between two values, in either order."""
        upper, lower = sorted((self.y(start), self.y(end)))
        return px(upper), px(lower - upper)


def scale_of(values: Iterable[Decimal | float], frame: Frame) -> Scale:
    """A scale from 0 that reaches every value, above and below."""
    known = [0.0, *(float(value) for value in values)]
    return scale_between(min(known), max(known), frame)


def scale_between(low: float, high: float, frame: Frame) -> Scale:
    """A scale that reaches from `low` to `high` and need not include 0."""
    step = round_step(high - low)
    first = floor(low / step + ROUNDING)
    return Scale(frame, step, first, max(ceil(high / step - ROUNDING), first + 1))
