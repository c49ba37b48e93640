"""Pictures of unit economics, of fixed size. Pixels only: floats never leave the picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from governance.charts.engine.axis import Axis, axis_of, every_of, spaced
from governance.charts.engine.colours import ACCEPTED, OWN
from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.marks import Bar
from governance.charts.engine.numbers import count
from governance.charts.engine.scale import scale_of

FRAME = Frame(width=960, height=260, left=72, right=944, top=26, bottom=230)
FILLED = 0.8
WIDTH_MAX = 120


@dataclass(frozen=True, slots=True)
class Point:
    """`said` is told to a pointer or a reader of screens; `label` stands above where there is room."""

    x: str
    y: str
    said: str
    label: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """`lines` are stretches without a gap; where there is no value there is no line."""

    lines: tuple[str, ...]
    points: tuple[Point, ...]
    axis: Axis
    target_y: str
    colour: str = OWN
    target_colour: str = ACCEPTED


@dataclass(frozen=True, slots=True)
class Column(Bar):
    middle: str
    count: str


@dataclass(frozen=True, slots=True)
class Histogram:
    bars: tuple[Column, ...]
    axis: Axis


@dataclass(frozen=True, slots=True)
class Stretch:
    """A day, a week or a month: `name` in full, `label` below the axis."""

    name: str
    label: str
    value: Decimal | None


def line_chart(
    stretches: Sequence[Stretch], *, target: Decimal | None, say: Callable[[Decimal], str], together: int = 1
) -> LineChart:
    """`say` writes a value. Where not each stretch has room for a label, every n-th has, a multiple of `together`."""
    known = [one.value for one in stretches if one.value is not None]
    scale = scale_of([*known, *([] if target is None else [target])], FRAME)
    columns = Columns(FRAME, len(stretches))
    labels = [one.label for one in stretches]
    every = every_of([*labels, *(say(value) for value in known)], columns, together=together)
    points: list[Point] = []
    runs: list[list[str]] = [[]]
    for number, one in enumerate(stretches):
        if one.value is None:
            runs.append([])
            continue
        x, y, said = columns.middle(number), px(scale.y(one.value)), say(one.value)
        has_label = (len(stretches) - 1 - number) % every == 0
        points.append(Point(x, y, f"{one.name}: {said}", said if has_label else ""))
        runs[-1].append(f"{x},{y}")
    return LineChart(
        lines=tuple(" ".join(run) for run in runs if len(run) > 1),
        points=tuple(points),
        axis=axis_of(scale, spaced(labels, columns, together=together)),
        target_y="" if target is None else px(scale.y(target)),
    )


def histogram(labels: Sequence[str], counts: Sequence[int]) -> Histogram:
    """Every column says its count."""
    scale, columns = scale_of(counts, FRAME), Columns(FRAME, len(labels))
    filled = min(FILLED, WIDTH_MAX / columns.width)

    def column(number: int, many: int) -> Column:
        (x, width), (y, height) = columns.bar(number, filled=filled), scale.span(0, many)
        return Column(x, y, width, height, OWN, columns.middle(number), count(many) if many else "")

    return Histogram(
        bars=tuple(column(number, many) for number, many in enumerate(counts)),
        axis=axis_of(scale, spaced(labels, columns)),
    )
