"""What is drawn in a plot, and the legend's word for it. Coordinates are pixels as an SVG reads them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a column; its height is never below 0, for what is less than nothing hangs from the line of 0."""

    x: str
    y: str
    width: str
    height: str
    colour: str


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend. `said` stands behind the name: how much it was."""

    name: str
    colour: str
    mark: Literal["bar", "line", "dashes", "band"] = "bar"
    said: str = ""
