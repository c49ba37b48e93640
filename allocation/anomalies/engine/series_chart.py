"""A daily series with its expected range, as a chart of fixed size. Floats are for pixels only."""

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
class SeriesDay:
    """`observed` None: no data of that day. `expected` and `high` None: too little history."""

    day: date
    observed: Decimal | None
    expected: Decimal | None
    high: Decimal | None
    is_anomalous: bool


@dataclass(frozen=True, slots=True)
class DayBar(Bar):
    """`label` is set on the highest anomalous day only; `description` is the tooltip and is read by screen readers."""

    middle: str
    is_anomalous: bool
    is_missing: bool
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """`bands` (polygons) and `lines` are the expected range, one of each per run of days with an expected amount."""

    bars: tuple[DayBar, ...]
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    axis: Axis
    has_gaps: bool
    legend: tuple[Key, ...] = LEGEND
    expected_colour: str = EXPECTED


def series_chart(days: Sequence[SeriesDay], *, unit: str) -> SeriesChart:
    """`unit` is written after amounts: a currency, or TOKENS. A negative day is drawn below the line of 0."""
    scale = scale_of((value for day in days for value in (day.observed, day.high) if value), FRAME)
    columns = Columns(FRAME, len(days))
    # Labels of neighbours would run into each other.
    worst = max((day for day in days if day.is_anomalous), key=lambda day: day.observed or 0, default=None)
    bands, lines = [], []
    for run in _expected_runs(days):
        upper = [f"{columns.middle(position)},{px(scale.y(day.high or 0))}" for position, day in run]
        middle = [f"{columns.middle(position)},{px(scale.y(day.expected or 0))}" for position, day in run]
        bands.append(" ".join([*upper, *reversed(middle)]))
        lines.append(" ".join(middle))
    return SeriesChart(
        bars=tuple(
            _bar(position, day, columns=columns, scale=scale, unit=unit, is_labelled=day is worst)
            for position, day in enumerate(days)
        ),
        bands=tuple(bands),
        lines=tuple(lines),
        has_gaps=any(day.observed is None for day in days),
        axis=axis_of(scale, day_labels([day.day for day in days], columns)),
    )


def _bar(position: int, day: SeriesDay, *, columns: Columns, scale: Scale, unit: str, is_labelled: bool) -> DayBar:
    (x, width), (y, height) = columns.bar(position, filled=FILLED), scale.span(0, day.observed or 0)
    return DayBar(
        x=x,
        y=y,
        width=width,
        height=height,
        colour=ANOMALOUS if day.is_anomalous else OBSERVED,
        middle=columns.middle(position),
        is_anomalous=day.is_anomalous,
        is_missing=day.observed is None,
        label=short(day.observed or 0) if is_labelled else "",
        description=_description(day, unit),
    )


def _expected_runs(days: Sequence[SeriesDay]) -> list[list[tuple[int, SeriesDay]]]:
    """Runs of consecutive days with an expected amount, each day with its position."""
    runs: list[list[tuple[int, SeriesDay]]] = []
    for position, day in enumerate(days):
        if day.expected is None or day.high is None:
            continue
        if not runs or runs[-1][-1][0] != position - 1:
            runs.append([])
        runs[-1].append((position, day))
    return runs


def _description(day: SeriesDay, unit: str) -> str:
    if day.observed is None:
        return f"{day.day:%a} {day.day}: no data"
    description = f"{day.day:%a} {day.day}: {_amount(day.observed, unit)} {unit}"
    if day.expected is None or day.high is None:
        return f"{description}, too little history to expect anything"
    return f"{description}, expected {_amount(day.expected, unit)}, unusual from {_amount(day.high, unit)}"


def _amount(value: Decimal, unit: str) -> str:
    return count(round(value)) if unit == TOKENS else money(value)
