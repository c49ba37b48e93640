"""A daily series with what was to be expected of it, as a picture of fixed size. Floats never leave the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.charts.engine.frame import px
from governance.charts.engine.numbers import short
from governance.charts.engine.scale import TICKS, round_step

WIDTH, HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 28, 32
LABELLED_EVERY = 7


@dataclass(frozen=True, slots=True)
class Point:
    """`observed` None: no data of that day. `expected` and `high` None: too little was known."""

    day: date
    observed: Decimal | None
    expected: Decimal | None
    high: Decimal | None
    is_anomalous: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """`label` stands above the dearest anomalous one; `said` is what a pointer or a reader of screens is told."""

    x: str
    y: str
    width: str
    height: str
    middle: str
    is_anomalous: bool
    is_missing: bool
    label: str
    said: str
    date_label: str


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    label: str


@dataclass(frozen=True, slots=True)
class SeriesChart:
    bars: tuple[Bar, ...]
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    zero: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT
    label_y: int = HEIGHT - 10


def series_chart(points: Sequence[Point], *, unit: str) -> SeriesChart:
    """`unit` is said behind amounts: a currency, or `tokens`."""
    step = round_step(float(max((value for one in points for value in (one.observed, one.high) if value), default=0)))
    slot = (WIDTH - LEFT - RIGHT) / max(len(points), 1)

    def y(value: Decimal | float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - float(value) / (step * TICKS))

    # Labels of neighbours would run into each other.
    worst = max((one for one in points if one.is_anomalous), key=lambda one: one.observed or 0, default=None)

    def bar(number: int, one: Point) -> Bar:
        top = y(one.observed or 0)
        return Bar(
            x=px(LEFT + slot * (number + 0.15)),
            y=px(top),
            width=px(slot * 0.7),
            height=px(HEIGHT - BOTTOM - top),
            middle=px(LEFT + slot * (number + 0.5)),
            is_anomalous=one.is_anomalous,
            is_missing=one.observed is None,
            label=short(float(one.observed or 0)) if one is worst else "",
            said=_said(one, unit),
            date_label=f"{one.day:%m-%d}" if (len(points) - 1 - number) % LABELLED_EVERY == 0 else "",
        )

    bands, lines = [], []
    for stretch in _known(points):
        upper = [f"{px(LEFT + slot * (number + 0.5))},{px(y(one.high or 0))}" for number, one in stretch]
        middle = [f"{px(LEFT + slot * (number + 0.5))},{px(y(one.expected or 0))}" for number, one in stretch]
        bands.append(" ".join([*upper, *reversed(middle)]))
        lines.append(" ".join(middle))
    return SeriesChart(
        bars=tuple(bar(number, one) for number, one in enumerate(points)),
        bands=tuple(bands),
        lines=tuple(lines),
        ticks=tuple(Tick(px(y(step * number)), short(step * number)) for number in range(TICKS + 1)),
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
    said = f"{one.day:%a} {one.day}: {one.observed:,.2f} {unit}"
    if one.expected is None or one.high is None:
        return f"{said}, too little history to expect anything"
    return f"{said}, expected {one.expected:,.2f}, unusual from {one.high:,.2f}"
