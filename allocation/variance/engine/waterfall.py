"""A change as a waterfall of fixed size: before, what moved it, after. Floats never leave the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from allocation.variance.engine.words import amount, signed
from governance.charts.engine.frame import px
from governance.charts.engine.numbers import short
from governance.charts.engine.scale import TICKS, round_step

WIDTH, HEIGHT = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 34, 46
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
class Bar:
    """`kind`: total, up, down or none. `label` is the amount, `said` what a reader of screens is told."""

    x: str
    y: str
    width: str
    height: str
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
class Tick:
    y: str
    label: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    begins_at: str
    zero: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM
    title_y: int = HEIGHT - BOTTOM + 18
    note_y: int = HEIGHT - BOTTOM + 34


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
    top, low = max(*ends, 0.0), min(*ends, 0.0)
    least = min(ends)
    ground = least - (top - least) if least > BREAK_FROM * top and top > least else low
    step = round_step(top - ground)
    ground = step * (ground // step)
    step = round_step(top - ground)
    slot = (WIDTH - LEFT - RIGHT) / len(shown)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - ground) / (step * TICKS))

    def bar(number: int, one: Level) -> Bar:
        start = max(ground, 0.0) if one.is_total else one.start / NANO
        upper, lower = y(max(start, one.end / NANO)), y(min(start, one.end / NANO))
        moved = one.end - one.start
        kind = "total" if one.is_total else "up" if moved > 0 else "down" if moved else "none"
        label = amount(one.end) if one.is_total else signed(moved)
        return Bar(
            x=px(LEFT + slot * (number + 0.14)),
            y=px(upper),
            width=px(slot * 0.72),
            height=px(max(lower - upper, 1.0)),
            middle=px(LEFT + slot * (number + 0.5)),
            kind=kind,
            title=one.title,
            note=one.note,
            label=label,
            label_y=px(upper - 7),
            link_to=px(LEFT + slot * (number + 1.14)) if number < len(shown) - 1 else "",
            link_y=px(y(one.end / NANO)),
            said=f"{one.title}{f' ({one.note})' if one.note else ''}: {label} {currency}",
        )

    return Waterfall(
        bars=tuple(bar(number, one) for number, one in enumerate(shown)),
        ticks=tuple(Tick(px(y(ground + step * number)), short(ground + step * number)) for number in range(TICKS + 1)),
        begins_at=short(ground) if ground > 0 else "",
        zero=px(y(max(ground, 0.0))),
    )
