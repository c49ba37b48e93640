"""Pictures of unit economics, of fixed size. Pixels only: floats never leave the picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, log10

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 26, 30
TICKS = 4
LABELS_MAX = 14


@dataclass(frozen=True, slots=True)
class Point:
    """`said` is told to a pointer or a reader of screens; `label` stands above, `day` below, where there is room."""

    x: str
    y: str
    said: str
    label: str
    day: str


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    label: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """`lines` are stretches without a gap; where there is no value there is no line."""

    lines: tuple[str, ...]
    points: tuple[Point, ...]
    days: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    target_y: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


@dataclass(frozen=True, slots=True)
class Column:
    x: str
    y: str
    width: str
    height: str
    middle: str
    count: str
    label: str


def line_chart(
    days: Sequence[str], values: Sequence[Decimal | None], *, target: Decimal | None, say: Callable[[Decimal], str]
) -> LineChart:
    """One value for each day's label; `say` writes a value."""
    known = [float(value) for value in (*values, target) if value is not None]
    step = _step(max(known, default=0.0))
    top = step * TICKS
    slot = (WIDTH - LEFT - RIGHT) / max(len(days), 1)

    def y(value: float) -> str:
        return _px(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top))

    every = ceil(len(days) / LABELS_MAX)
    points: list[Point] = []
    shown: list[Point] = []
    run: list[str] = []
    lines = [run]
    for number, (day, value) in enumerate(zip(days, values, strict=True)):
        x = _px(LEFT + slot * (number + 0.5))
        has_label = (len(days) - 1 - number) % every == 0
        shown.append(Point(x, "", "", "", day if has_label else ""))
        if value is None:
            run = []
            lines.append(run)
            continue
        said = say(value)
        points.append(Point(x, y(float(value)), f"{day}: {said}", said if has_label else "", ""))
        run.append(f"{x},{y(float(value))}")
    return LineChart(
        lines=tuple(" ".join(line) for line in lines if len(line) > 1),
        points=tuple(points),
        days=tuple(shown),
        ticks=tuple(Tick(y(step * number), _short(step * number)) for number in range(TICKS + 1)),
        target_y="" if target is None else y(float(target)),
    )


def columns(labels: Sequence[str], counts: Sequence[int]) -> tuple[Column, ...]:
    """A histogram; every column says its count."""
    slot = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    width = min(slot * 0.8, 120)
    most = max(counts, default=0) or 1
    room = HEIGHT - TOP - BOTTOM
    return tuple(
        Column(
            x=_px(LEFT + slot * (number + 0.5) - width / 2),
            y=_px(TOP + room * (1 - count / most)),
            width=_px(width),
            height=_px(room * count / most),
            middle=_px(LEFT + slot * (number + 0.5)),
            count=f"{count:,}" if count else "",
            label=label,
        )
        for number, (label, count) in enumerate(zip(labels, counts, strict=True))
    )


def _px(value: float) -> str:
    return f"{value:.1f}"


def _step(highest: float) -> float:
    """A round number of which TICKS reach the highest value."""
    if highest <= 0:
        return 0.25
    least = highest / TICKS
    size = 10.0 ** (ceil(log10(least)) - 1)
    return next(size * factor for factor in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 12.5) if size * factor >= least)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.3g}"  # noqa: PLR2004  # two digits say enough
