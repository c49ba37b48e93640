"""What the page of a scope's unit economics shows. Nothing here decides anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from allocation.unit_economics.engine import unit_economics as engine
from allocation.unit_economics.engine.unit_chart import Histogram, LineChart, Stretch, histogram, line_chart
from allocation.unit_economics.engine.unit_economics import Measure, Ratio, Trend
from allocation.unit_economics.engine.unit_words import Words, filters_of, said, words_of
from allocation.unit_economics.queries import Agent, Figure, UnitEconomics, agents, task_sizes, unit_economics
from governance.calendar.engine import DAY
from governance.charts.engine.axis import DAYS_IN_WEEK, day_label
from governance.charts.engine.colours import BLUE, GREEN, GREY, ORANGE, PINK
from governance.charts.engine.numbers import NOTHING, money, percent, percent_change, quantity, short

COLOURS = {"inference": BLUE, "retrieval": ORANGE, "orchestration": GREEN, "training": PINK, "other": GREY}
# The list of each source in the admin, and what its first day and the day after the last are called.
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
class Share:
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
    found: UnitEconomics
    cost: str
    last_day: date
    tiles: tuple[Tile, ...]
    units: tuple[tuple[str, str, bool], ...]
    chart: LineChart
    chart_title: str
    chart_summary: str
    chart_target: str
    shares: tuple[Share, ...]
    efficiency: tuple[Tile, ...]
    coverage: tuple[Tile, ...]
    agents: tuple[AgentRow, ...]
    sizes: Histogram | None
    sizes_said: str
    outcomes: tuple[OutcomeRow, ...]


def page_of(scope_id: int, since: date, until: date, trend: Trend, unit: str) -> Page:
    """`unit` chooses the figure whose trend is drawn: its key and, after a `:`, its name."""
    found = unit_economics(scope_id=scope_id, since=since, until=until, trend=trend)
    chosen = _chosen(found, unit)
    sizes = task_sizes(scope_id=scope_id, since=since, until=until)
    words = words_of(chosen.measure)
    currency = found.scope.currency if words.shown == "money" else ""
    days = [start.isoformat() if trend != "month" else f"{start:%Y-%m}" for start, _ in found.stretches]
    values = [ratio.value for ratio in chosen.trend]
    drawn = (*_costs(found), *(figure for figure in found.efficiency if figure.ratio.value is not None))
    return Page(
        found=found,
        cost=money(found.cost, found.scope.currency),
        last_day=until - DAY,
        tiles=tuple(_tile(found, figure) for figure in _costs(found)),
        units=tuple(
            (code_of(figure.measure), words_of(figure.measure).title, figure.measure == chosen.measure)
            for figure in drawn
        ),
        chart=line_chart(
            [Stretch(*one) for one in zip(days, _labels(found, trend), values, strict=True)],
            target=None if chosen.target is None else chosen.target.amount,
            say=lambda value: said(words, value),
            together=DAYS_IN_WEEK if trend == "day" else 1,
        ),
        chart_title=f"{words.title}, by {trend}" + (f", in {currency}" if currency else ""),
        chart_summary=_summary(days, values, words),
        chart_target="" if chosen.target is None else money(chosen.target.amount, found.scope.currency),
        shares=tuple(_share(found, figure) for figure in found.shares if figure.ratio.numerator),
        efficiency=tuple(
            _tile(found, figure)
            for figure in found.efficiency
            if figure.measure != engine.GPU_UTILISATION or found.figure("gpu_hour").ratio.value is not None
        ),
        coverage=tuple(_tile(found, figure) for figure in found.coverage),
        agents=_agents(agents(scope_id=scope_id, since=since, until=until)),
        sizes=histogram([f"≥ {short(each.at_least, digits=2)}" for each in sizes], [each.tasks for each in sizes])
        if sizes
        else None,
        sizes_said=", ".join(f"{each.tasks:,} from {each.at_least:,} tokens" for each in sizes if each.tasks),
        outcomes=tuple(_outcomes(found)),
    )


def _labels(found: UnitEconomics, trend: Trend) -> list[str]:
    return [f"{start:%Y-%m}" if trend == "month" else day_label(start) for start, _ in found.stretches]


def code_of(measure: Measure) -> str:
    return f"{measure.key}:{measure.name}" if measure.name else measure.key


def _costs(found: UnitEconomics) -> list[Figure]:
    """Those for which something was accepted, and the usual ones; the others stand in the table of outcomes."""
    return [figure for figure in found.unit_costs if figure.target is not None or _is_usual(found, figure)]


def _is_usual(found: UnitEconomics, figure: Figure) -> bool:
    """All outcomes together say nothing where there is more than one kind of them."""
    match figure.measure.key:
        case "gpu_hour":
            return figure.ratio.value is not None
        case "successful_outcome":
            return bool(figure.measure.name) or not found.outcomes
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


def _chosen(found: UnitEconomics, unit: str) -> Figure:
    every = [*found.unit_costs, *found.efficiency]
    for figure in every:
        if code_of(figure.measure) == unit:
            return figure
    with_value = [figure for figure in _costs(found) if figure.ratio.value is not None]
    accepted = [figure for figure in with_value if figure.target is not None]
    wanted = [figure for figure in with_value if figure.measure.key in {"successful_outcome", "action"}]
    return next(iter([*reversed(accepted), *reversed(wanted), *with_value]), every[0])


def _tile(found: UnitEconomics, figure: Figure) -> Tile:
    words, ratio = words_of(figure.measure), figure.ratio
    currency = found.scope.currency if words.shown == "money" else ""
    deviation, target = figure.deviation, figure.target
    return Tile(
        title=words.title,
        value=NOTHING if ratio.value is None else f"{said(words, ratio.value)} {currency}".strip(),
        line=""
        if ratio.value is None
        else f"{quantity(ratio.numerator)} {words.above} ÷ {quantity(ratio.denominator)} {words.below}",
        link=link_of(found, figure.measure),
        target=""
        if target is None
        else f"accepted: {money(target.amount, found.scope.currency)}"
        + ("" if target.scope_id == found.scope.id else f", of {target.scope.path}"),
        deviation="" if deviation is None else f"{'▲' if deviation > 0 else '▼'} {percent_change(deviation)}",
        is_over=deviation is not None and deviation > 0,
        reason=ratio.reason,
        unit=code_of(figure.measure),
    )


def link_of(found: UnitEconomics, measure: Measure) -> str:
    """The list of the records behind a figure."""
    model, day = LISTS[words_of(measure).source]
    filters = {EXACT[name]: "1" if value == "true" else value for name, value in filters_of(measure).items()
               if name in EXACT}  # fmt: skip
    if measure.key == "unpriced_share":
        model, day, filters = "usagerecord", "occurred_at", {"price": "unpriced"}
    clock = "" if model in {"task", "outcome"} else "T00:00:00+00:00"
    path = f"{found.scope.path.partition('/')[0]}/unattributed" if measure.key == "unattributed_share" else None
    asked = {
        "below": path or found.scope.path,
        f"{day}__gte": f"{found.since}{clock}",
        f"{day}__lt": f"{found.until}{clock}",
        **filters,
    }
    return f"{reverse(f'admin:allocation_{model}_changelist')}?{urlencode(asked)}"


def _summary(days: list[str], values: list[Decimal | None], words: Words) -> str:
    known = [(value, day) for value, day in zip(values, days, strict=True) if value is not None]
    if not known:
        return "Nothing to draw in this period."
    low, high, last = min(known), max(known), known[-1]
    return (
        f"Lowest {said(words, low[0])} ({low[1]}), highest {said(words, high[0])} ({high[1]}),"
        f" last {said(words, last[0])} ({last[1]})."
    )


def _share(found: UnitEconomics, figure: Figure) -> Share:
    value = figure.ratio.value or Decimal(0)
    return Share(
        name=figure.measure.name,
        colour=COLOURS[figure.measure.name],
        width=f"{max(value, Decimal(0)) * 100:.2f}",
        cost=money(Decimal(figure.ratio.numerator), found.scope.currency),
        percent=percent(value),
        link=link_of(found, figure.measure),
    )


def _agents(found: list[Agent]) -> tuple[AgentRow, ...]:
    most = max((agent.multiplier.value or Decimal(0) for agent in found), default=Decimal(0)) or Decimal(1)
    return tuple(
        AgentRow(
            path=agent.scope.path,
            tasks=f"{agent.tasks.tasks:,}",
            tokens_per_task=_said(engine.TOKENS_PER_TASK, agent.tokens_per_task),
            before=_said(engine.TOKENS_PER_TASK, agent.before),
            multiplier=_said(engine.TOKEN_MULTIPLIER, agent.multiplier),
            multiplier_width=f"{(agent.multiplier.value or Decimal(0)) / most * 100:.1f}",
            cost_per_task=_cost(agent.cost_per_task, agent.scope.currency),
        )
        for agent in found
    )


def _outcomes(found: UnitEconomics) -> list[OutcomeRow]:
    currency = found.scope.currency

    def cost(key: engine.MeasureKey, name: str) -> str:
        return _cost(found.figure(key, name).ratio, currency)

    return [
        OutcomeRow(
            kind=one.kind,
            name=one.name,
            count=f"{one.sums.count:,}",
            successful=f"{one.sums.successful:,}",
            success=percent(one.success.value),
            cost=cost(one.kind, one.name),
            cost_of_success=cost("successful_outcome", one.name) if one.kind == "outcome" else NOTHING,
            quality=NOTHING if one.quality.value is None else f"{one.quality.value:.3f}",
            flagged=f"{one.sums.flagged:,}",
            value=money(one.sums.value, currency) if one.sums.value else NOTHING,
        )
        for one in found.outcomes
    ]


def _said(measure: Measure, ratio: Ratio) -> str:
    return NOTHING if ratio.value is None else said(words_of(measure), ratio.value)


def _cost(ratio: Ratio, currency: str) -> str:
    """Of one unit, to digits that say something."""
    return NOTHING if ratio.value is None else f"{said(words_of(engine.TASK_COST), ratio.value)} {currency}"
