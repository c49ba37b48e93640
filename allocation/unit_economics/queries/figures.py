"""Unit costs of a scope with all below it over whole UTC days, read from the daily roll-ups alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.db import connection

from allocation.commitments.engine.covered_months import reserved_gpu_seconds
from allocation.commitments.models import Commitment
from allocation.commitments.queries import CommittedDifference, committed_differences, gpu_commitments
from allocation.outcomes.engine import OutcomeSums
from allocation.outcomes.models import OUTCOME_DAY_TABLE
from allocation.unit_economics.engine import unit_economics as engine
from allocation.unit_economics.engine.unit_economics import (
    Figures,
    Measure,
    MeasureKey,
    OutcomeKind,
    Ratio,
    ScopeSums,
    TaskSums,
    Trend,
    UsageSums,
    ratio,
)
from allocation.usage.models import DAY_TABLE, SCOPE_DAY_TABLE, TASK_DAY_TABLE
from governance.calendar.engine import DAY, midnight
from governance.errors import Invalid
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree
from governance.unit_costs.models import UnitCostTarget
from governance.unit_costs.queries import unit_costs_in_force

BASELINE = timedelta(days=28)
DAYS_MAX = 1_100
UNATTRIBUTED = Measure("unattributed_share")
COST = Measure("cost")
NOT_TOLD = Ratio(0, 0, None, "It is told to who sees the whole organisation.")


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio of the whole period and of each period of the trend, with the accepted unit cost."""

    measure: Measure
    ratio: Ratio
    trend: tuple[Ratio, ...] = ()
    target: UnitCostTarget | None = None

    @property
    def deviation(self) -> Decimal | None:
        return None if self.target is None else engine.deviation(self.ratio.value, self.target.amount)


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """Outcomes reported under one name. `quality` is the mean score of those with a score."""

    kind: OutcomeKind
    name: str
    sums: OutcomeSums
    success: Ratio
    quality: Ratio


@dataclass(frozen=True, slots=True)
class UnitEconomics:
    """The figures of [since, until); every figure's trend is by `trend_periods`. Money is in `scope.currency`."""

    scope: ScopeNode
    since: date
    until: date
    cost: Decimal
    tasks: TaskSums
    baseline: TaskSums
    trend_periods: tuple[tuple[date, date], ...]
    unit_costs: tuple[Figure, ...]
    efficiency: tuple[Figure, ...]
    shares: tuple[Figure, ...]
    coverage: tuple[Figure, ...]
    outcomes: tuple[ReportedOutcome, ...]

    def figure(self, key: MeasureKey, name: str = "") -> Figure:
        """KeyError without such a figure."""
        wanted = Measure(key, name)
        every = (*self.unit_costs, *self.efficiency, *self.shares, *self.coverage)
        return {figure.measure: figure for figure in every}[wanted]


def unit_economics(
    *, scope_id: int, since: date, until: date, trend: Trend = "month", beside: bool = True
) -> UnitEconomics:
    """Every figure of the scope with all below it, of [since, until) in UTC days. Without `beside` nothing is told of
    what other scopes of the organisation cost, so that the unattributed share has no value.

    Errors: period_empty, period_too_long.
    """
    check_period(since, until)
    tree = scope_tree()
    by_day = _sums("day", tree.descendants(scope_id), since, until)
    committed = list(committed_differences(tree.by_id[scope_id].root_id, since, until))
    _add_commitments(by_day, "day", committed, tree.descendants(scope_id))
    baseline = _tasks_before(tree.descendants(scope_id), since)
    periods = engine.trend_periods(since, until, trend)
    whole = engine.total_of(by_day.values())
    parts = engine.sums_by_period(by_day, periods)
    targets = unit_costs_in_force(scope_id=scope_id, on=until - DAY)
    reserved = gpu_commitments(tree.descendants(scope_id))
    efficiency = _figures(
        engine.efficiency(whole, baseline, reserved_gpu_seconds=reserved_gpu_seconds(reserved, since, until)),
        [
            engine.efficiency(part, baseline, reserved_gpu_seconds=reserved_gpu_seconds(reserved, *period))
            for part, period in zip(parts, periods, strict=True)
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
        trend_periods=tuple(periods),
        unit_costs=_figures(engine.unit_costs(whole), [engine.unit_costs(part) for part in parts], targets),
        efficiency=tuple(figure for figure in efficiency if figure.measure != engine.UNPRICED),
        shares=_figures(engine.shares(whole), [engine.shares(part) for part in parts], {}),
        coverage=(
            *(figure for figure in efficiency if figure.measure == engine.UNPRICED),
            Figure(
                UNATTRIBUTED,
                _unattributed(tree, scope_id, whole.all_usage.cost, committed, since, until) if beside else NOT_TOLD,
            ),
        ),
        outcomes=tuple(_reported(kind, name, sums) for (kind, name), sums in sorted(whole.outcomes.items())),
    )


def check_period(since: date, until: date) -> None:
    """Errors: period_empty, period_too_long."""
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
    """A measure without a figure in a period of the trend had nothing reported there."""
    return tuple(
        Figure(
            measure,
            total,
            tuple(part.get(measure) or Ratio(0, 0, None, "Nothing was reported.") for part in parts),
            targets.get((measure.key, measure.name)),
        )
        for measure, total in whole.items()
    )


def _reported(kind: OutcomeKind, name: str, sums: OutcomeSums) -> ReportedOutcome:
    return ReportedOutcome(
        kind,
        name,
        sums,
        success=ratio(sums.successful, sums.count, empty="Nothing was reported."),
        quality=ratio(sums.quality_sum, sums.quality_count, empty="No quality score was reported."),
    )


def unit_costs_by_scope(*, roots: Sequence[int], since: date, until: date) -> dict[int, Figures]:
    """Unit costs, efficiency and cost (COST) of every scope of these organisations, each with all below it."""
    tree = scope_tree()
    sums = {scope_id: ScopeSums() for root_id in roots for scope_id in tree.descendants(root_id)}
    by_scope = _sums("scope_id", list(sums), since, until)
    committing = Commitment.objects.filter(is_current=True, organisation_id__in=roots)
    for root_id in committing.values_list("organisation_id", flat=True).distinct():
        committed = committed_differences(root_id, since, until)
        _add_commitments(by_scope, "scope_id", committed, tree.descendants(root_id))
    for scope_id, own in by_scope.items():
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


def _sums(by: Literal["day", "scope_id"], scope_ids: Sequence[int], since: date, until: date) -> dict[Any, ScopeSums]:
    sums: dict[Any, ScopeSums] = {}
    scopes = list(scope_ids)
    usage_days = [scopes, midnight(since), midnight(until)]
    key, group = ("(bucket AT TIME ZONE 'UTC')::date", "bucket") if by == "day" else (by, by)
    for each, activity, *usage in _rows(
        # Unpriced tokens stand on neither side, and no more does the cost of calls without any priced token.
        f"""
        SELECT {key}, activity, sum(requests)::bigint, sum(errors)::bigint,
            sum(unpriced_requests)::bigint,
            sum(input_tokens + output_tokens - greatest(unpriced_tokens, 0))::bigint,
            sum(input_tokens)::bigint, sum(cached_input_tokens)::bigint,
            coalesce(sum(gpu_seconds) FILTER (WHERE gpu_seconds <> 0), 0), sum(cost),
            sum(cost) - coalesce(sum(tokenless_cost) FILTER (WHERE tokenless_cost <> 0), 0)
        FROM {SCOPE_DAY_TABLE} WHERE scope_id = ANY(%s) AND bucket >= %s AND bucket < %s GROUP BY {group}, activity
        """,  # noqa: S608  # our own names
        usage_days,
    ):
        sums.setdefault(each, ScopeSums()).usage[activity] = UsageSums(*usage)
    for each, activity, cost in _rows(
        # A model that ran on GPUs counts whole, so that sums over models do not tell of it.
        f"""
        SELECT {key}, activity, sum(cost) FROM {DAY_TABLE}
        WHERE scope_id = ANY(%s) AND bucket >= %s AND bucket < %s AND gpu_seconds <> 0 GROUP BY {group}, activity
        """,  # noqa: S608  # our own names
        usage_days,
    ):
        sums[each].usage[activity].gpu_cost = cost
    for each, *tasks in _rows(
        f"""
        SELECT {by}, sum(tasks)::bigint, sum(first_call_tokens)::bigint, sum(tokens)::bigint, sum(cost)
        FROM {TASK_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s GROUP BY {by}
        """,  # noqa: S608  # our own names
        [scopes, since, until],
    ):
        sums.setdefault(each, ScopeSums()).tasks = TaskSums(*tasks)
    for each, kind, name, *reported in _rows(
        f"""
        SELECT {by}, kind, name, sum(count)::bigint, sum(successful)::bigint, sum(flagged)::bigint, sum(value),
            sum(quality_sum), sum(quality_count)::bigint
        FROM {OUTCOME_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s GROUP BY {by}, kind, name
        """,  # noqa: S608  # our own names
        [scopes, since, until],
    ):
        sums.setdefault(each, ScopeSums()).outcomes[kind, name] = OutcomeSums(*reported)
    return sums


def _add_commitments(
    sums: dict[Any, ScopeSums],
    by: Literal["day", "scope_id"],
    committed: Iterable[CommittedDifference],
    scope_ids: Sequence[int],
) -> None:
    """Commitments cost their bill, not what the usage they cover was booked at."""
    wanted = set(scope_ids)
    for part in committed:
        if part.scope_id in wanted:
            each: object = part.day if by == "day" else part.scope_id
            usage = sums.setdefault(each, ScopeSums()).usage.setdefault(part.activity, UsageSums())
            usage.cost += part.cost
            usage.gpu_cost += part.cost if part.unit == "gpu_hour" else 0
            usage.token_cost += part.cost if part.unit == "token" else 0


def _tasks_before(scope_ids: Sequence[int], since: date) -> TaskSums:
    """Sums of tasks in the 28 days before the period."""
    rows = _rows(
        f"""
        SELECT coalesce(sum(tasks), 0)::bigint, coalesce(sum(first_call_tokens), 0)::bigint,
            coalesce(sum(tokens), 0)::bigint, coalesce(sum(cost), 0)
        FROM {TASK_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s
        """,  # noqa: S608  # our own names
        [list(scope_ids), since - BASELINE, since],
    )
    return TaskSums(*rows[0])


def _unattributed(
    tree: ScopeTree, scope_id: int, cost: Decimal, committed: Iterable[CommittedDifference], since: date, until: date
) -> Ratio:
    """The share in the whole organisation's cost: unattributed cost may belong to any of its scopes."""
    root = tree.by_id[scope_id].root_id
    unattributed = _cost([tree.unattributed(scope_id)], since, until)
    total = cost
    if scope_id != root:
        total = _cost(tree.descendants(root), since, until) + sum((part.cost for part in committed), Decimal(0))
    return ratio(unattributed, total, empty="The organisation spent nothing.")


def _cost(scope_ids: Sequence[int], since: date, until: date) -> Decimal:
    cost: Decimal = _rows(
        f"""
        SELECT coalesce(sum(cost), 0) FROM {SCOPE_DAY_TABLE} WHERE scope_id = ANY(%s) AND bucket >= %s AND bucket < %s
        """,  # noqa: S608  # our own names
        [list(scope_ids), midnight(since), midnight(until)],
    )[0][0]
    return cost


def _rows(statement: str, parameters: Sequence[Any]) -> list[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
