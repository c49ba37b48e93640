"""A daily series with what was to be expected of it, as a picture of fixed size. Floats never leave the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.charts.engine.axis import Axis, axis_of, day_labels
from governance.charts.engine.colours import BAD, GOOD, SKY
from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.marks import Bar, Key
from governance.charts.engine.numbers import count, money, short
from governance.charts.engine.scale import Scale, scale_of

FRAME = Frame(width=960, height=280, left=76, right=944, top=28, bottom=248)
FILLED = 0.7
TOKENS = "tokens"
OBSERVED, ANOMALOUS, EXPECTED = SKY, BAD, GOOD
LEGEND = (
    Key("observed", OBSERVED),
    Key("anomalous", ANOMALOUS),
    Key("expected", EXPECTED, "line"),
    Key("still usual", EXPECTED, "band"),
)


@dataclass(frozen=True, slots=True)
class Point:
    """`observed` None: no data of that day. `expected` and `high` None: too little was known."""

    day: date
    observed: Decimal | None
    expected: Decimal | None
    high: Decimal | None
    is_anomalous: bool


@dataclass(frozen=True, slots=True)
class Day(Bar):
    """`label` stands above the highest anomalous one; `said` is what a pointer or a reader of screens is told."""

    middle: str
    is_anomalous: bool
    is_missing: bool
    label: str
    said: str


@dataclass(frozen=True, slots=True)
class SeriesChart:
    bars: tuple[Day, ...]
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    axis: Axis
    has_gaps: bool
    legend: tuple[Key, ...] = LEGEND
    expected_colour: str = EXPECTED


def series_chart(points: Sequence[Point], *, unit: str) -> SeriesChart:
    """`unit` is said behind amounts: a currency, or TOKENS. A day of less than nothing hangs below the line of 0."""
    scale = scale_of((value for one in points for value in (one.observed, one.high) if value), FRAME)
    columns = Columns(FRAME, len(points))
    # Labels of neighbours would run into each other.
    worst = max((one for one in points if one.is_anomalous), key=lambda one: one.observed or 0, default=None)
    bands, lines = [], []
    for stretch in _known(points):
        upper = [f"{columns.middle(number)},{px(scale.y(one.high or 0))}" for number, one in stretch]
        middle = [f"{columns.middle(number)},{px(scale.y(one.expected or 0))}" for number, one in stretch]
        bands.append(" ".join([*upper, *reversed(middle)]))
        lines.append(" ".join(middle))
    return SeriesChart(
        bars=tuple(
            _bar(number, one, columns=columns, scale=scale, unit=unit, is_labelled=one is worst)
            for number, one in enumerate(points)
        ),
        bands=tuple(bands),
        lines=tuple(lines),
        has_gaps=any(one.observed is None for one in points),
        axis=axis_of(scale, day_labels([one.day for one in points], columns)),
    )


def _bar(number: int, one: Point, *, columns: Columns, scale: Scale, unit: str, is_labelled: bool) -> Day:
    (x, width), (y, height) = columns.bar(number, filled=FILLED), scale.span(0, one.observed or 0)
    return Day(
        x=x,
        y=y,
        width=width,
        height=height,
        colour=ANOMALOUS if one.is_anomalous else OBSERVED,
        middle=columns.middle(number),
        is_anomalous=one.is_anomalous,
        is_missing=one.observed is None,
        label=short(one.observed or 0) if is_labelled else "",
        said=_said(one, unit),
    )


def _known(points: Sequence[Point]) -> list[list[tuple[int, Point]]]:
    """Stretches of days of which something was to be expected."""
    stretches: list[list[tuple[int, Point]]] = []
    for number, one in enumerate(points):
        if one.expected is None or one.high is None:
            continue
        if not stretches or stretches[-1][-1][0] != number - 1:
            stretches.append([])
        stretches[-1].append((number, one))
    return stretches


def _said(one: Point, unit: str) -> str:
    if one.observed is None:
        return f"{one.day:%a} {one.day}: no data"
    said = f"{one.day:%a} {one.day}: {_amount(one.observed, unit)} {unit}"
    if one.expected is None or one.high is None:
        return f"{said}, too little history to expect anything"
    return f"{said}, expected {_amount(one.expected, unit)}, unusual from {_amount(one.high, unit)}"


def _amount(value: Decimal, unit: str) -> str:
    return count(round(value)) if unit == TOKENS else money(value)
