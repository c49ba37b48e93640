"""What is drawn in a plot, and the entries of its legend. Coordinates are pixels as SVG reads them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a column. Its height is never negative: a value below 0 is drawn down from the line of 0."""

    x: str
    y: str
    width: str
    height: str
    colour: str


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend; `said`, the amount, is shown after the name."""

    name: str
    colour: str
    mark: Literal["bar", "line", "dashes", "band"] = "bar"
    said: str = ""
