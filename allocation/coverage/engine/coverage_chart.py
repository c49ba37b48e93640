"""The attributed share of cost by day, as a picture of fixed size. Pixels only: floats never leave the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from allocation.coverage.engine.coverage import CRAWL_FROM, RUN_FROM, Coverage

WIDTH, HEIGHT = 960, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 52, 14, 30
LABEL_EVERY = 7


@dataclass(frozen=True, slots=True)
class Day:
    """One column: what is attributed from the bottom up, the rest above it. `said` is what a pointer is told."""

    x: str
    width: str
    y: str
    attributed: str
    rest: str
    said: str
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    y: str
    label: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class CoverageChart:
    days: tuple[Day, ...]
    ticks: tuple[Mark, ...]
    marks: tuple[Mark, ...]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    zero: int = HEIGHT - BOTTOM


def coverage_chart(*, by_day: Mapping[date, Coverage], days: Sequence[date], currency: str) -> CoverageChart:
    """`days` in order, at least one; one without cost has no column."""
    slot = (WIDTH - LEFT - RIGHT) / len(days)

    def column(number: int, day: date) -> Day:
        share = (by_day[day].cost_ratio if day in by_day else None) or 0
        has_cost = day in by_day and by_day[day].cost_ratio is not None
        # Corrections of a closed month may leave a day with less than nothing on a scope.
        top = _y(min(max(float(share), 0.0), 1.0))
        said = f"{day:%a} {day}: {spoken(by_day.get(day, Coverage()), currency)}"
        is_labelled = (len(days) - 1 - number) % LABEL_EVERY == 0
        return Day(
            x=_px(LEFT + slot * number + slot * 0.12),
            width=_px(slot * 0.76),
            y=_px(top),
            attributed=_px(_y(0) - top),
            rest=_px(top - TOP if has_cost else 0),
            said=said,
            label=f"{day:%m-%d}" if is_labelled else "",
        )

    whole = sum(by_day.values(), start=Coverage())
    return CoverageChart(
        days=tuple(column(number, day) for number, day in enumerate(days)),
        ticks=tuple(Mark(_px(_y(percent / 100)), f"{percent} %") for percent in (0, 50, 100)),
        marks=(
            Mark(_px(_y(float(CRAWL_FROM))), f"{CRAWL_FROM:.0%}", "crawl"),
            Mark(_px(_y(float(RUN_FROM))), f"{RUN_FROM:.0%}", "run"),
        ),
        summary=f"{days[0]} to {days[-1]}: {spoken(whole, currency)}.",
    )


def spoken(coverage: Coverage, currency: str) -> str:
    share = coverage.cost_ratio
    if share is None:
        return "no cost"
    return f"{share * 100:.2f} % of {coverage.used.cost:,.2f} {currency} attributed"


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _px(value: float) -> str:
    return f"{value:.1f}"
