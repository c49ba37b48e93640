"""The page of a scope's unit economics: figures as formatted text, links and charts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from allocation.unit_economics.engine import unit_economics as engine
from allocation.unit_economics.engine.unit_chart import Histogram, LineChart, TrendValue, histogram, line_chart
from allocation.unit_economics.engine.unit_economics import Measure, Ratio, Trend
from allocation.unit_economics.engine.unit_words import MeasureWords, filters_of, formatted, words_of
from allocation.unit_economics.queries import (
    AgentFigures,
    Figure,
    UnitEconomics,
    agent_figures,
    task_sizes,
    unit_economics,
)
from governance.calendar.engine import DAY
from governance.charts.engine.axis import DAYS_IN_WEEK, day_label
from governance.charts.engine.colours import BLUE, GREEN, GREY, ORANGE, PINK
from governance.charts.engine.numbers import NOTHING, money, percent, percent_change, quantity, short

COLOURS = {"inference": BLUE, "retrieval": ORANGE, "orchestration": GREEN, "training": PINK, "other": GREY}
# By source of records: the model listed in the admin, and the date field that the list is filtered by.
LISTS: Mapping[str, tuple[str, str]] = {
    "usage": ("usageday", "bucket"),
    "tasks": ("task", "began_on"),
    "outcomes": ("outcome", "booked_on"),
}
EXACT = {"activity": "activity", "kind": "kind__exact", "name": "name", "success": "is_success__exact"}


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    value: str
    line: str
    link: str
    target: str
    deviation: str
    is_over: bool
    reason: str
    unit: str


@dataclass(frozen=True, slots=True)
class ActivityShare:
    name: str
    colour: str
    width: str
    cost: str
    percent: str
    link: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    path: str
    tasks: str
    tokens_per_task: str
    before: str
    multiplier: str
    multiplier_width: str
    cost_per_task: str


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    kind: str
    name: str
    count: str
    successful: str
    success: str
    cost: str
    cost_of_success: str
    quality: str
    flagged: str
    value: str


@dataclass(frozen=True, slots=True)
class Page:
    economics: UnitEconomics
    cost: str
    last_day: date
    tiles: tuple[Tile, ...]
    units: tuple[tuple[str, str, bool], ...]
    chart: LineChart
    chart_title: str
    chart_summary: str
    chart_target: str
    shares: tuple[ActivityShare, ...]
    efficiency: tuple[Tile, ...]
    coverage: tuple[Tile, ...]
    agents: tuple[AgentRow, ...]
    sizes: Histogram | None
    sizes_summary: str
    sizes_are_estimated: bool
    outcomes: tuple[OutcomeRow, ...]


def page_of(scope_id: int, since: date, until: date, trend: Trend, unit: str, *, beside: bool) -> Page:
    """All that the page shows. `unit` chooses the figure whose trend is drawn: its key and, after a `:`, its name;
    `beside` as in `unit_economics`.
    """
    economics = unit_economics(scope_id=scope_id, since=since, until=until, trend=trend, beside=beside)
    chosen = _chosen(economics, unit)
    sizes = task_sizes(scope_id=scope_id, since=since, until=until)
    words = words_of(chosen.measure)
    currency = economics.scope.currency if words.value_format == "money" else ""
    days = [start.isoformat() if trend != "month" else f"{start:%Y-%m}" for start, _ in economics.trend_periods]
    values = [ratio.value for ratio in chosen.trend]
    drawn = (*_costs(economics), *(figure for figure in economics.efficiency if figure.ratio.value is not None))
    return Page(
        economics=economics,
        cost=money(economics.cost, economics.scope.currency),
        last_day=until - DAY,
        tiles=tuple(_tile(economics, figure) for figure in _costs(economics)),
        units=tuple(
            (code_of(figure.measure), words_of(figure.measure).title, figure.measure == chosen.measure)
            for figure in drawn
        ),
        chart=line_chart(
            [TrendValue(*value) for value in zip(days, _labels(economics, trend), values, strict=True)],
            target=None if chosen.target is None else chosen.target.amount,
            format_value=lambda value: formatted(words, value),
            together=DAYS_IN_WEEK if trend == "day" else 1,
        ),
        chart_title=f"{words.title}, by {trend}" + (f", in {currency}" if currency else ""),
        chart_summary=_summary(days, values, words),
        chart_target="" if chosen.target is None else money(chosen.target.amount, economics.scope.currency),
        shares=tuple(_share(economics, figure) for figure in economics.shares if figure.ratio.numerator),
        efficiency=tuple(
            _tile(economics, figure)
            for figure in economics.efficiency
            if figure.measure != engine.GPU_UTILISATION or economics.figure("gpu_hour").ratio.value is not None
        ),
        coverage=tuple(_tile(economics, figure) for figure in economics.coverage),
        agents=_agents(agent_figures(scope_id=scope_id, since=since, until=until)),
        sizes=histogram(
            [f"≥ {short(each.at_least, digits=2)}" for each in sizes.bands], [each.tasks for each in sizes.bands]
        )
        if sizes.bands
        else None,
        sizes_summary=", ".join(f"{each.tasks:,} from {each.at_least:,} tokens" for each in sizes.bands if each.tasks),
        sizes_are_estimated=sizes.are_estimated,
        outcomes=tuple(_outcomes(economics)),
    )


def _labels(economics: UnitEconomics, trend: Trend) -> list[str]:
    return [f"{start:%Y-%m}" if trend == "month" else day_label(start) for start, _ in economics.trend_periods]


def code_of(measure: Measure) -> str:
    return f"{measure.key}:{measure.name}" if measure.name else measure.key


def _costs(economics: UnitEconomics) -> list[Figure]:
    """Figures with an accepted unit cost, and the usual ones; the others are in the table of outcomes."""
    return [figure for figure in economics.unit_costs if figure.target is not None or _is_usual(economics, figure)]


def _is_usual(economics: UnitEconomics, figure: Figure) -> bool:
    """The figure of all outcomes together means little where several kinds are reported."""
    match figure.measure.key:
        case "gpu_hour":
            return figure.ratio.value is not None
        case "successful_outcome":
            return bool(figure.measure.name) or not economics.outcomes
        case "outcome":
            return False
        case "action":
            return not figure.measure.name
        case (
            "1k_tokens"
            | "cache_hit_ratio"
            | "cost"
            | "cost_share"
            | "gpu_utilisation"
            | "inference"
            | "token_multiplier"
            | "tokens_per_task"
            | "tokens_per_task_against_baseline"
            | "unattributed_share"
            | "unpriced_share"
        ):
            return True


def _chosen(economics: UnitEconomics, unit: str) -> Figure:
    figures = [*economics.unit_costs, *economics.efficiency]
    for figure in figures:
        if code_of(figure.measure) == unit:
            return figure
    with_value = [figure for figure in _costs(economics) if figure.ratio.value is not None]
    accepted = [figure for figure in with_value if figure.target is not None]
    wanted = [figure for figure in with_value if figure.measure.key in {"successful_outcome", "action"}]
    return next(iter([*reversed(accepted), *reversed(wanted), *with_value]), figures[0])


def _tile(economics: UnitEconomics, figure: Figure) -> Tile:
    words, ratio = words_of(figure.measure), figure.ratio
    currency = economics.scope.currency if words.value_format == "money" else ""
    deviation, target = figure.deviation, figure.target
    return Tile(
        title=words.title,
        value=NOTHING if ratio.value is None else f"{formatted(words, ratio.value)} {currency}".strip(),
        line=""
        if ratio.value is None
        else f"{quantity(ratio.numerator)} {words.numerator} ÷ {quantity(ratio.denominator)} {words.denominator}",
        link=link_of(economics, figure.measure),
        target=""
        if target is None
        else f"accepted: {money(target.amount, economics.scope.currency)}"
        + ("" if target.scope_id == economics.scope.id else f", of {target.scope.path}"),
        deviation="" if deviation is None else f"{'▲' if deviation > 0 else '▼'} {percent_change(deviation)}",
        is_over=deviation is not None and deviation > 0,
        reason=ratio.reason,
        unit=code_of(figure.measure),
    )


def link_of(economics: UnitEconomics, measure: Measure) -> str:
    """The list of the records behind a figure."""
    model, day = LISTS[words_of(measure).source]
    filters = {EXACT[name]: "1" if value == "true" else value for name, value in filters_of(measure).items()
               if name in EXACT}  # fmt: skip
    if measure.key == "unpriced_share":
        model, day, filters = "usagerecord", "occurred_at", {"price": "unpriced"}
    clock = "" if model in {"task", "outcome"} else "T00:00:00+00:00"
    path = f"{economics.scope.path.partition('/')[0]}/unattributed" if measure.key == "unattributed_share" else None
    query = {
        "below": path or economics.scope.path,
        f"{day}__gte": f"{economics.since}{clock}",
        f"{day}__lt": f"{economics.until}{clock}",
        **filters,
    }
    return f"{reverse(f'admin:allocation_{model}_changelist')}?{urlencode(query)}"


def _summary(days: list[str], values: list[Decimal | None], words: MeasureWords) -> str:
    known = [(value, day) for value, day in zip(values, days, strict=True) if value is not None]
    if not known:
        return "Nothing to draw in this period."
    low, high, last = min(known), max(known), known[-1]
    return (
        f"Lowest {formatted(words, low[0])} ({low[1]}), highest {formatted(words, high[0])} ({high[1]}),"
        f" last {formatted(words, last[0])} ({last[1]})."
    )


def _share(economics: UnitEconomics, figure: Figure) -> ActivityShare:
    value = figure.ratio.value or Decimal(0)
    return ActivityShare(
        name=figure.measure.name,
        colour=COLOURS[figure.measure.name],
        width=f"{max(value, Decimal(0)) * 100:.2f}",
        cost=money(Decimal(figure.ratio.numerator), economics.scope.currency),
        percent=percent(value),
        link=link_of(economics, figure.measure),
    )


def _agents(scopes: list[AgentFigures]) -> tuple[AgentRow, ...]:
    most = max((agent.multiplier.value or Decimal(0) for agent in scopes), default=Decimal(0)) or Decimal(1)
    return tuple(
        AgentRow(
            path=agent.scope.path,
            tasks=f"{agent.tasks.tasks:,}",
            tokens_per_task=_formatted(engine.TOKENS_PER_TASK, agent.tokens_per_task),
            before=_formatted(engine.TOKENS_PER_TASK, agent.before),
            multiplier=_formatted(engine.TOKEN_MULTIPLIER, agent.multiplier),
            multiplier_width=f"{(agent.multiplier.value or Decimal(0)) / most * 100:.1f}",
            cost_per_task=_cost(agent.cost_per_task, agent.scope.currency),
        )
        for agent in scopes
    )


def _outcomes(economics: UnitEconomics) -> list[OutcomeRow]:
    currency = economics.scope.currency

    def cost(key: engine.MeasureKey, name: str) -> str:
        return _cost(economics.figure(key, name).ratio, currency)

    return [
        OutcomeRow(
            kind=outcome.kind,
            name=outcome.name,
            count=f"{outcome.sums.count:,}",
            successful=f"{outcome.sums.successful:,}",
            success=percent(outcome.success.value),
            cost=cost(outcome.kind, outcome.name),
            cost_of_success=cost("successful_outcome", outcome.name) if outcome.kind == "outcome" else NOTHING,
            quality=NOTHING if outcome.quality.value is None else f"{outcome.quality.value:.3f}",
            flagged=f"{outcome.sums.flagged:,}",
            value=money(outcome.sums.value, currency) if outcome.sums.value else NOTHING,
        )
        for outcome in economics.outcomes
    ]


def _formatted(measure: Measure, ratio: Ratio) -> str:
    return NOTHING if ratio.value is None else formatted(words_of(measure), ratio.value)


def _cost(ratio: Ratio, currency: str) -> str:
    """Cost of one unit; below one to three significant digits."""
    return NOTHING if ratio.value is None else f"{formatted(words_of(engine.TASK_COST), ratio.value)} {currency}"
