"""What a unit costs a scope and all below it over whole UTC days, read from the daily roll-ups alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.db import connection

from allocation.commitments.engine import reserved_gpu_seconds
from allocation.commitments.queries import gpu_commitments
from allocation.outcomes.engine import OutcomeSums
from allocation.outcomes.models import OUTCOME_DAY_TABLE
from allocation.unit_economics.engine import unit_economics as engine
from allocation.unit_economics.engine.unit_economics import (
    Figures,
    Measure,
    MeasureKey,
    OutcomeKind,
    Ratio,
    Sums,
    TaskSums,
    Trend,
    UsageSums,
    ratio,
)
from allocation.usage.models import DAY_TABLE, TASK_DAY_TABLE
from governance.calendar.engine import DAY, midnight
from governance.errors import Invalid
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree
from governance.unit_costs.models import UnitCostTarget
from governance.unit_costs.queries import unit_costs_in_force

BASELINE = timedelta(days=28)
DAYS_MAX = 1_100
UNATTRIBUTED = Measure("unattributed_share")
COST = Measure("cost")


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio of the whole period, the same of each stretch of the trend, and what was accepted for it."""

    measure: Measure
    ratio: Ratio
    trend: tuple[Ratio, ...] = ()
    target: UnitCostTarget | None = None

    @property
    def deviation(self) -> Decimal | None:
        return None if self.target is None else engine.deviation(self.ratio.value, self.target.amount)


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """What was reported under one name. `quality` is the mean score of what has one."""

    kind: OutcomeKind
    name: str
    sums: OutcomeSums
    success: Ratio
    quality: Ratio


@dataclass(frozen=True, slots=True)
class UnitEconomics:
    """Of [since, until); `stretches` are those of every figure's trend. Money is in `scope.currency`."""

    scope: ScopeNode
    since: date
    until: date
    cost: Decimal
    tasks: TaskSums
    baseline: TaskSums
    stretches: tuple[tuple[date, date], ...]
    unit_costs: tuple[Figure, ...]
    efficiency: tuple[Figure, ...]
    shares: tuple[Figure, ...]
    coverage: tuple[Figure, ...]
    outcomes: tuple[ReportedOutcome, ...]

    def figure(self, key: MeasureKey, name: str = "") -> Figure:
        """KeyError where there is none of that name."""
        wanted = Measure(key, name)
        every = (*self.unit_costs, *self.efficiency, *self.shares, *self.coverage)
        return {figure.measure: figure for figure in every}[wanted]


def unit_economics(*, scope_id: int, since: date, until: date, trend: Trend = "month") -> UnitEconomics:
    check_period(since, until)
    tree = scope_tree()
    by_day = _sums("day", tree.descendants(scope_id), since, until)
    baseline = _tasks_before(tree.descendants(scope_id), since)
    cuts = engine.stretches(since, until, trend)
    whole = engine.added(by_day.values())
    parts = engine.folded(by_day, cuts)
    targets = unit_costs_in_force(scope_id=scope_id, on=until - DAY)
    reserved = gpu_commitments(tree.descendants(scope_id))
    efficient = _figures(
        engine.efficiency(whole, baseline, reserved_gpu_seconds=reserved_gpu_seconds(reserved, since, until)),
        [
            engine.efficiency(part, baseline, reserved_gpu_seconds=reserved_gpu_seconds(reserved, *cut))
            for part, cut in zip(parts, cuts, strict=True)
        ],
        {},
    )
    return UnitEconomics(
        scope=tree.by_id[scope_id],
        since=since,
        until=until,
        cost=whole.all_usage.cost,
        tasks=whole.tasks,
        baseline=baseline,
        stretches=tuple(cuts),
        unit_costs=_figures(engine.unit_costs(whole), [engine.unit_costs(part) for part in parts], targets),
        efficiency=tuple(figure for figure in efficient if figure.measure != engine.UNPRICED),
        shares=_figures(engine.shares(whole), [engine.shares(part) for part in parts], {}),
        coverage=(
            *(figure for figure in efficient if figure.measure == engine.UNPRICED),
            Figure(UNATTRIBUTED, _unattributed(tree, scope_id, whole.all_usage.cost, since, until)),
        ),
        outcomes=tuple(_reported(kind, name, sums) for (kind, name), sums in sorted(whole.outcomes.items())),
    )


def check_period(since: date, until: date) -> None:
    if since >= until:
        raise Invalid(
            "The period ends after it starts: `to` is the day after its last.", code="period_empty", field="to"
        )
    if (until - since).days > DAYS_MAX:
        raise Invalid(
            f"A period has at most {DAYS_MAX:,} days; ask for a shorter one.", code="period_too_long", field="from"
        )


def _figures(
    whole: Figures, parts: Sequence[Figures], targets: Mapping[tuple[str, str], UnitCostTarget]
) -> tuple[Figure, ...]:
    """A name that a stretch does not know had nothing there."""
    return tuple(
        Figure(
            measure,
            found,
            tuple(part.get(measure) or Ratio(0, 0, None, "Nothing was reported.") for part in parts),
            targets.get((measure.key, measure.name)),
        )
        for measure, found in whole.items()
    )


def _reported(kind: OutcomeKind, name: str, sums: OutcomeSums) -> ReportedOutcome:
    return ReportedOutcome(
        kind,
        name,
        sums,
        success=ratio(sums.successful, sums.count, empty="Nothing was reported."),
        quality=ratio(sums.quality_sum, sums.quality_count, empty="No quality score was reported."),
    )


def unit_costs_by_scope(*, since: date, until: date) -> dict[int, Figures]:
    """Of every scope there is, each with all below it."""
    tree = scope_tree()
    sums = {scope_id: Sums() for scope_id in tree.by_id}
    for scope_id, own in _sums("scope_id", list(tree.by_id), since, until).items():
        for above in tree.ancestors(scope_id):
            sums[above].add(own)
    nothing = TaskSums()
    return {
        scope_id: {
            **engine.unit_costs(each),
            **engine.efficiency(each, nothing, reserved_gpu_seconds=None),
            COST: Ratio(each.all_usage.cost, 1, each.all_usage.cost),
        }
        for scope_id, each in sums.items()
    }


def _sums(by: Literal["day", "scope_id"], scope_ids: Sequence[int], since: date, until: date) -> dict[Any, Sums]:
    found: dict[Any, Sums] = {}
    scopes = list(scope_ids)
    key, group = ("(bucket AT TIME ZONE 'UTC')::date", "bucket") if by == "day" else (by, by)
    for each, activity, *usage in _rows(
        # The rows of a model without a price hold tokens that nobody paid for: not below the line.
        f"""
        SELECT {key}, activity, sum(requests)::bigint, sum(errors)::bigint,
            sum(unpriced_requests)::bigint,
            coalesce(sum(input_tokens + output_tokens) FILTER (WHERE cost <> 0 OR unpriced_requests = 0), 0)::bigint,
            sum(input_tokens)::bigint, sum(cached_input_tokens)::bigint,
            coalesce(sum(gpu_seconds) FILTER (WHERE gpu_seconds <> 0), 0), sum(cost),
            sum(cost) - coalesce(sum(cost) FILTER (WHERE input_tokens + output_tokens = 0), 0),
            coalesce(sum(cost) FILTER (WHERE gpu_seconds <> 0), 0)
        FROM {DAY_TABLE} WHERE scope_id = ANY(%s) AND bucket >= %s AND bucket < %s GROUP BY {group}, activity
        """,  # noqa: S608  # our own names
        [scopes, midnight(since), midnight(until)],
    ):
        found.setdefault(each, Sums()).usage[activity] = UsageSums(*usage)
    for each, *tasks in _rows(
        f"""
        SELECT {by}, sum(tasks)::bigint, sum(first_call_tokens)::bigint, sum(tokens)::bigint, sum(cost)
        FROM {TASK_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s GROUP BY {by}
        """,  # noqa: S608  # our own names
        [scopes, since, until],
    ):
        found.setdefault(each, Sums()).tasks = TaskSums(*tasks)
    for each, kind, name, *reported in _rows(
        f"""
        SELECT {by}, kind, name, sum(count)::bigint, sum(successful)::bigint, sum(flagged)::bigint, sum(value),
            sum(quality_sum), sum(quality_count)::bigint
        FROM {OUTCOME_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s GROUP BY {by}, kind, name
        """,  # noqa: S608  # our own names
        [scopes, since, until],
    ):
        found.setdefault(each, Sums()).outcomes[kind, name] = OutcomeSums(*reported)
    return found


def _tasks_before(scope_ids: Sequence[int], since: date) -> TaskSums:
    """Of the 28 days before the period."""
    found = _rows(
        f"""
        SELECT coalesce(sum(tasks), 0)::bigint, coalesce(sum(first_call_tokens), 0)::bigint,
            coalesce(sum(tokens), 0)::bigint, coalesce(sum(cost), 0)
        FROM {TASK_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s
        """,  # noqa: S608  # our own names
        [list(scope_ids), since - BASELINE, since],
    )
    return TaskSums(*found[0])


def _unattributed(tree: ScopeTree, scope_id: int, cost: Decimal, since: date, until: date) -> Ratio:
    """Of the whole organisation: what nobody owns may be anybody's."""
    root = tree.by_id[scope_id].root_id
    lost = _cost([tree.unattributed(scope_id)], since, until)
    total = cost if scope_id == root else _cost(tree.descendants(root), since, until)
    return ratio(lost, total, empty="The organisation spent nothing.")


def _cost(scope_ids: Sequence[int], since: date, until: date) -> Decimal:
    found: Decimal = _rows(
        f"""
        SELECT coalesce(sum(cost), 0) FROM {DAY_TABLE} WHERE scope_id = ANY(%s) AND bucket >= %s AND bucket < %s
        """,  # noqa: S608  # our own names
        [list(scope_ids), midnight(since), midnight(until)],
    )[0][0]
    return found


def _rows(statement: str, parameters: Sequence[Any]) -> list[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
