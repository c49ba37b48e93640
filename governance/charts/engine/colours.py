"""The palette of every chart. No meaning is shown by colour alone: a label or a pattern says the same."""

# Okabe and Ito's colours, told apart by colour-blind eyes and on light and dark ground.
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#e69f00", "#009e73", "#cc79a7"
SKY, VERMILION, VIOLET = "#56b4e9", "#d55e00", "#8c6bb1"
GREY, SLATE = "#8a8f98", "#64748b"
# The last two resemble others.
NAMED = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, VIOLET)
# A grey and its share in percent.
SHADES = ((0, 0), (0, 40), (255, 45))

# Colours with one meaning in every chart.
OWN, SHARED_IN, SHARED_OUT = BLUE, ORANGE, GREY
UNOWNED, OTHERS, TOTAL, ACCEPTED = GREY, VIOLET, SLATE, VERMILION
GOOD, NEAR, BAD = "#16a34a", "#d97706", "#dc2626"
LINE = "currentColor"


def colour_of(rank: int) -> str:
    """The colour of the scope of this rank among its siblings, from 0: its own on every chart, whatever else is drawn
    there. After as many as have a name they come again darker, then lighter.
    """
    turn, place = divmod(rank, len(NAMED))
    return _mixed(NAMED[place], *SHADES[turn % len(SHADES)])


def _mixed(colour: str, ground: int, share: int) -> str:
    """The colour with `share` percent of a grey from 0 (black) to 255 (white)."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{(part * (100 - share) + ground * share) // 100:02x}" for part in parts)
