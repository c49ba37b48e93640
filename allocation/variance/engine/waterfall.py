"""A variance as a waterfall chart of fixed size: before, each effect, after. Floats are for pixels only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from allocation.variance.engine.words import amount, signed
from governance.charts.engine.axis import Axis, axis_of
from governance.charts.engine.colours import BAD, GOOD, GREY, TOTAL
from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.marks import Bar
from governance.charts.engine.numbers import short
from governance.charts.engine.scale import Scale, scale_between

FRAME = Frame(width=960, height=320, left=76, right=944, top=34, bottom=274)
FILLED = 0.72
COLOURS = {"total": TOTAL, "up": BAD, "down": GOOD, "none": GREY}
NANO = 10**9
# Where all levels lie above this part of the highest, the axis begins above 0 and says so.
BREAK_FROM = 0.8


class WaterfallLevel(NamedTuple):
    """One bar from `start` to `end`, in 10^-9 of the currency; a total starts at 0."""

    title: str
    start: int
    end: int
    is_total: bool
    note: str


@dataclass(frozen=True, slots=True)
class WaterfallBar(Bar):
    """`kind`: total, up, down or none. `label` is the amount, `description` the text for a screen reader. A line leads
    from the bar's end to the next bar, whose left edge is `link_to`.
    """

    middle: str
    kind: str
    title: str
    note: str
    label: str
    label_y: str
    link_to: str
    link_y: str
    description: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`begins_at` where the axis does not begin at 0."""

    bars: tuple[WaterfallBar, ...]
    axis: Axis
    begins_at: str
    title_y: int = FRAME.bottom + 18
    note_y: int = FRAME.bottom + 34


def waterfall_levels(
    before: tuple[str, str, int], steps: Sequence[tuple[str, int]], after: tuple[str, str]
) -> list[WaterfallLevel]:
    """`before` is (title, note, amount), `after` (title, note); the steps lead from one to the other."""
    title, note, level = before
    levels = [WaterfallLevel(title, 0, level, is_total=True, note=note)]
    for name, moved in steps:
        levels.append(WaterfallLevel(name, level, level + moved, is_total=False, note=""))
        level += moved
    return [*levels, WaterfallLevel(after[0], 0, level, is_total=True, note=after[1])]


def waterfall(levels: Sequence[WaterfallLevel], *, currency: str) -> Waterfall:
    """The chart of `levels`; the axis begins above 0 where the changes would be too small to see."""
    ends = [level.end / NANO for level in levels]
    top, least = max(*ends, 0.0), min(ends)
    ground = least - (top - least) if least > BREAK_FROM * top and top > least else min(least, 0.0)
    scale, columns = scale_between(ground, top, FRAME), Columns(FRAME, len(levels))
    return Waterfall(
        bars=tuple(
            _bar(position, level, scale=scale, columns=columns, currency=currency)
            for position, level in enumerate(levels)
        ),
        axis=axis_of(scale, ()),
        begins_at=short(scale.ground) if scale.ground > 0 else "",
    )


def _bar(position: int, level: WaterfallLevel, *, scale: Scale, columns: Columns, currency: str) -> WaterfallBar:
    y, height = scale.span(scale.ground if level.is_total else level.start / NANO, level.end / NANO)
    moved = level.end - level.start
    kind = "total" if level.is_total else "up" if moved > 0 else "down" if moved else "none"
    label = amount(level.end) if level.is_total else signed(moved)
    x, width = columns.bar(position, filled=FILLED)
    return WaterfallBar(
        x=x,
        y=y,
        width=width,
        # A step of 0 is drawn as a line.
        height=px(max(float(height), 1.0)),
        colour=COLOURS[kind],
        middle=columns.middle(position),
        kind=kind,
        title=level.title,
        note=level.note,
        label=label,
        label_y=px(float(y) - 7),
        link_to=columns.bar(position + 1, filled=FILLED)[0] if position < columns.count - 1 else "",
        link_y=px(scale.y(level.end / NANO)),
        description=f"{level.title}{f' ({level.note})' if level.note else ''}: {label} {currency}",
    )
