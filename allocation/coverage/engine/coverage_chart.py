"""A chart of the attributed share of cost by day, in pixels. Floats are for the drawing only and never leave it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from allocation.coverage.engine.coverage import CRAWL_FROM, RUN_FROM, AttributedShare
from governance.charts.engine.axis import Axis, Tick, day_labels
from governance.charts.engine.colours import LINE, OWN, UNOWNED
from governance.charts.engine.frame import Columns, Frame, px
from governance.charts.engine.marks import Key
from governance.charts.engine.numbers import money, percent
from governance.charts.engine.scale import Scale

FRAME = Frame(width=960, height=220, left=56, right=908, top=14, bottom=190)
FILLED = 0.76
# From 0 to 1, in halves.
SHARES = Scale(FRAME, step=0.5, first=0, last=2)


@dataclass(frozen=True, slots=True)
class DayColumn:
    """The column of a day: the attributed share from the bottom up, the rest above it. `description` is its tooltip."""

    x: str
    width: str
    y: str
    attributed: str
    rest: str
    description: str


@dataclass(frozen=True, slots=True)
class MaturityMark:
    """A horizontal line at a share that the FinOps Framework names."""

    y: str
    name: str


@dataclass(frozen=True, slots=True)
class CoverageChart:
    """What the template draws; `summary` is the same in words."""

    days: tuple[DayColumn, ...]
    axis: Axis
    marks: tuple[MaturityMark, ...]
    legend: tuple[Key, ...]
    summary: str
    attributed_colour: str = OWN
    rest_colour: str = UNOWNED


def coverage_chart(*, by_day: Mapping[date, AttributedShare], days: Sequence[date], currency: str) -> CoverageChart:
    """`days` in order, at least one. A day without cost has an empty column."""
    columns = Columns(FRAME, len(days))
    crawl, run = (f"{share * 100:.0f} %" for share in (CRAWL_FROM, RUN_FROM))
    return CoverageChart(
        days=tuple(
            _day(number, day, by_day.get(day, AttributedShare()), columns=columns, currency=currency)
            for number, day in enumerate(days)
        ),
        axis=Axis(
            frame=FRAME,
            ticks=tuple(Tick(px(SHARES.y(value)), f"{value * 100:.0f} %") for value in SHARES.values),
            labels=day_labels(days, columns),
            zero_y=px(SHARES.y(0)),
        ),
        marks=(MaturityMark(px(SHARES.y(CRAWL_FROM)), "crawl"), MaturityMark(px(SHARES.y(RUN_FROM)), "run")),
        legend=(Key("attributed", OWN), Key("unattributed", UNOWNED), Key(f"{crawl} crawl, {run} run", LINE, "dashes")),
        summary=f"{days[0]} to {days[-1]}: {share_sentence(sum(by_day.values(), start=AttributedShare()), currency)}.",
    )


def _day(number: int, day: date, coverage: AttributedShare, *, columns: Columns, currency: str) -> DayColumn:
    share = coverage.cost_ratio
    # Corrections of a closed month may leave a day with a cost below zero on a scope.
    attributed = min(max(float(share or 0), 0.0), 1.0)
    (x, width), (y, height) = columns.bar(number, filled=FILLED), SHARES.span(0, attributed)
    return DayColumn(
        x=x,
        width=width,
        y=y,
        attributed=height,
        rest=SHARES.span(attributed, 1 if share is not None else attributed)[1],
        description=f"{day:%a} {day}: {share_sentence(coverage, currency)}",
    )


def share_sentence(coverage: AttributedShare, currency: str) -> str:
    """The share of cost in words, without a full stop."""
    share = coverage.cost_ratio
    if share is None:
        return "no cost"
    return f"{percent(share)} of {money(coverage.used.cost, currency)} attributed"
