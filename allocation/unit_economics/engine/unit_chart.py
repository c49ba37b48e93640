"""Charts of unit economics, of fixed size. Floats are for pixels only."""

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
class TrendPoint:
    """`description` is the tooltip and is read by screen readers; `label` is empty where there is no room for it."""

    x: str
    y: str
    description: str
    label: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """`lines` are runs of values without a gap; where there is no value there is no line."""

    lines: tuple[str, ...]
    points: tuple[TrendPoint, ...]
    axis: Axis
    target_y: str
    colour: str = OWN
    target_colour: str = ACCEPTED


@dataclass(frozen=True, slots=True)
class HistogramColumn(Bar):
    """`count` is the text above the column, empty for 0."""

    middle: str
    count: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Columns of counts with their axis."""

    bars: tuple[HistogramColumn, ...]
    axis: Axis


@dataclass(frozen=True, slots=True)
class TrendValue:
    """A day, a week or a month: `name` in full, `label` below the axis."""

    name: str
    label: str
    value: Decimal | None


def line_chart(
    trend_values: Sequence[TrendValue],
    *,
    target: Decimal | None,
    format_value: Callable[[Decimal], str],
    together: int = 1,
) -> LineChart:
    """The trend by position. Without room for all labels every n-th value has one; n is a multiple of `together`."""
    known = [trend.value for trend in trend_values if trend.value is not None]
    scale = scale_of([*known, *([] if target is None else [target])], FRAME)
    columns = Columns(FRAME, len(trend_values))
    labels = [trend.label for trend in trend_values]
    every = every_of([*labels, *(format_value(value) for value in known)], columns, together=together)
    points: list[TrendPoint] = []
    runs: list[list[str]] = [[]]
    for position, trend in enumerate(trend_values):
        if trend.value is None:
            runs.append([])
            continue
        x, y, text = columns.middle(position), px(scale.y(trend.value)), format_value(trend.value)
        has_label = (len(trend_values) - 1 - position) % every == 0
        points.append(TrendPoint(x, y, f"{trend.name}: {text}", text if has_label else ""))
        runs[-1].append(f"{x},{y}")
    return LineChart(
        lines=tuple(" ".join(run) for run in runs if len(run) > 1),
        points=tuple(points),
        axis=axis_of(scale, spaced(labels, columns, together=together)),
        target_y="" if target is None else px(scale.y(target)),
    )


def histogram(labels: Sequence[str], counts: Sequence[int]) -> Histogram:
    """Columns with their counts above them."""
    scale, columns = scale_of(counts, FRAME), Columns(FRAME, len(labels))
    filled = min(FILLED, WIDTH_MAX / columns.width)

    def column(position: int, many: int) -> HistogramColumn:
        (x, width), (y, height) = columns.bar(position, filled=filled), scale.span(0, many)
        return HistogramColumn(x, y, width, height, OWN, columns.middle(position), count(many) if many else "")

    return Histogram(
        bars=tuple(column(position, many) for position, many in enumerate(counts)),
        axis=axis_of(scale, spaced(labels, columns)),
    )
