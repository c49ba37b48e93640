"""Where a chart's plot lies, and the equal columns it is divided into. Pixels only: floats are used for drawing."""

from dataclasses import dataclass


def px(value: float) -> str:
    """A coordinate as SVG reads it, to a tenth of a pixel."""
    return f"{value:.1f}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of `width` by `height` pixels; the other four are the edges of the plot inside it."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int

    @property
    def plot_height(self) -> int:
        return self.bottom - self.top

    @property
    def tick_x(self) -> int:
        """Where labels beside the plot end."""
        return self.left - 8

    @property
    def label_y(self) -> int:
        """The base line of labels below the plot."""
        return self.bottom + 20


@dataclass(frozen=True, slots=True)
class Columns:
    """`count` columns of equal width across the plot of `frame`, numbered from 0."""

    frame: Frame
    count: int

    @property
    def width(self) -> float:
        return (self.frame.right - self.frame.left) / max(self.count, 1)

    def bar(self, number: int, *, filled: float) -> tuple[str, str]:
        """Left edge and width of a bar centred in its column; `filled` is the share of the column's width."""
        return px(self.frame.left + self.width * (number + (1 - filled) / 2)), px(self.width * filled)

    def middle(self, number: int) -> str:
        """The x of the column's centre."""
        return px(self.frame.left + self.width * (number + 0.5))
