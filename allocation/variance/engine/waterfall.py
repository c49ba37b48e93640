"""A change as a waterfall of fixed size: before, what moved it, after. Floats never leave the picture."""

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


class Level(NamedTuple):
    """A step between two levels, in 10^-9 of the currency; a total stands on the ground."""

    title: str
    start: int
    end: int
    is_total: bool
    note: str


@dataclass(frozen=True, slots=True)
class Step(Bar):
    """`kind`: total, up, down or none. `label` is the amount, `said` what a reader of screens is told. A line leads
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
    said: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`begins_at` where the axis does not begin at 0."""

    bars: tuple[Step, ...]
    axis: Axis
    begins_at: str
    title_y: int = FRAME.bottom + 18
    note_y: int = FRAME.bottom + 34


def levels(before: tuple[str, str, int], steps: Sequence[tuple[str, int]], after: tuple[str, str]) -> list[Level]:
    """`before` and `after` have a title and a note; the steps lead from one to the other."""
    title, note, level = before
    found = [Level(title, 0, level, is_total=True, note=note)]
    for name, moved in steps:
        found.append(Level(name, level, level + moved, is_total=False, note=""))
        level += moved
    return [*found, Level(after[0], 0, level, is_total=True, note=after[1])]


def waterfall(shown: Sequence[Level], *, currency: str) -> Waterfall:
    ends = [one.end / NANO for one in shown]
    top, least = max(*ends, 0.0), min(ends)
    ground = least - (top - least) if least > BREAK_FROM * top and top > least else min(least, 0.0)
    scale, columns = scale_between(ground, top, FRAME), Columns(FRAME, len(shown))
    return Waterfall(
        bars=tuple(
            _step(number, one, scale=scale, columns=columns, currency=currency) for number, one in enumerate(shown)
        ),
        axis=axis_of(scale, ()),
        begins_at=short(scale.ground) if scale.ground > 0 else "",
    )


def _step(number: int, one: Level, *, scale: Scale, columns: Columns, currency: str) -> Step:
    y, height = scale.span(scale.ground if one.is_total else one.start / NANO, one.end / NANO)
    moved = one.end - one.start
    kind = "total" if one.is_total else "up" if moved > 0 else "down" if moved else "none"
    label = amount(one.end) if one.is_total else signed(moved)
    x, width = columns.bar(number, filled=FILLED)
    return Step(
        x=x,
        y=y,
        width=width,
        # What moved nothing stays a line.
        height=px(max(float(height), 1.0)),
        colour=COLOURS[kind],
        middle=columns.middle(number),
        kind=kind,
        title=one.title,
        note=one.note,
        label=label,
        label_y=px(float(y) - 7),
        link_to=columns.bar(number + 1, filled=FILLED)[0] if number < columns.count - 1 else "",
        link_y=px(scale.y(one.end / NANO)),
        said=f"{one.title}{f' ({one.note})' if one.note else ''}: {label} {currency}",
    )
