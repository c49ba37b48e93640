"""The palette of every chart. No meaning is shown by colour alone: a label or a pattern says the same."""

from collections.abc import Iterable
from zlib import crc32

# Okabe and Ito's colours, told apart by colour-blind eyes and on light and dark ground.
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#e69f00", "#009e73", "#cc79a7"
SKY, VERMILION, VIOLET = "#56b4e9", "#d55e00", "#8c6bb1"
GREY, SLATE = "#8a8f98", "#64748b"
# The last two resemble others and are used only when there are more names.
NAMED = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, VIOLET)
PREFERRED = 5

# Colours with one meaning in every chart.
OWN, SHARED_IN, SHARED_OUT = BLUE, ORANGE, GREY
UNOWNED, OTHERS, TOTAL, ACCEPTED = GREY, VIOLET, SLATE, VERMILION
GOOD, NEAR, BAD = "#16a34a", "#d97706", "#dc2626"
LINE = "currentColor"


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, chosen by the name: the order in which names are given does not matter."""
    chosen: dict[str, str] = {}
    for name in sorted(set(names)):
        wanted = crc32(name.encode()) % PREFERRED
        in_order = NAMED[wanted:PREFERRED] + NAMED[:wanted] + NAMED[PREFERRED:]
        chosen[name] = next((colour for colour in in_order if colour not in chosen.values()), in_order[0])
    return chosen
