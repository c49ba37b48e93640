"""Where a picture's plot lies, and the equal columns it is cut into. Pixels only: floats never leave the picture."""

from dataclasses import dataclass


def px(value: float) -> str:
    return f"{value:.1f}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of `width` by `height`; the other four are the edges of its plot, around which labels stand."""

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
        """Where labels of the values end."""
        return self.left - 8

    @property
    def label_y(self) -> int:
        """The base line of the labels below the plot."""
        return self.bottom + 20


@dataclass(frozen=True, slots=True)
class Columns:
    """`count` columns of one width across the plot of `frame`, numbered from 0."""

    frame: Frame
    count: int

    @property
    def width(self) -> float:
        return (self.frame.right - self.frame.left) / max(self.count, 1)

    def bar(self, number: int, *, filled: float) -> tuple[str, str]:
        """The left edge and the width of a bar that fills that share of its column, in its middle."""
        return px(self.frame.left + self.width * (number + (1 - filled) / 2)), px(self.width * filled)

    def middle(self, number: int) -> str:
        return px(self.frame.left + self.width * (number + 0.5))
