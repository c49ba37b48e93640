"""Figures of scopes in which tasks begin, and the sizes of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from allocation.unit_economics.engine.unit_economics import Ratio, TaskSums, ratio
from allocation.unit_economics.queries.figures import BASELINE
from allocation.usage.models import TASK_DAY_TABLE, TASK_TABLE
from governance.scopes.queries import ScopeNode, scope_tree

# Of more tasks a sample says as much of their sizes. Sixteen that came one after the other lie on one page; migration
# 0035 makes the index that finds them.
COUNTED_MAX = 100_000
ONE_IN = 128
SAMPLED = "id %% 2048 < 16"


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Figures of one scope's own tasks, without those of scopes below it."""

    scope: ScopeNode
    tasks: TaskSums
    tokens_per_task: Ratio
    before: Ratio
    multiplier: Ratio
    cost_per_task: Ratio


@dataclass(frozen=True, slots=True)
class TaskSizeBand:
    """Number of tasks that used from `at_least` up to twice as many tokens."""

    at_least: int
    tasks: int


def agent_figures(*, scope_id: int, since: date, until: date) -> list[AgentFigures]:
    """Of each scope at or below `scope_id` in which tasks began in the period; the highest cost first."""
    tree = scope_tree()
    scopes = tree.descendants(scope_id)
    now, before = _by_scope(scopes, since, until), _by_scope(scopes, since - BASELINE, since)
    rows = [
        AgentFigures(
            scope=tree.by_id[each],
            tasks=tasks,
            tokens_per_task=ratio(tasks.tokens, tasks.tasks, empty="No task began."),
            before=ratio(
                before.get(each, TaskSums()).tokens,
                before.get(each, TaskSums()).tasks,
                empty="No task in the 28 days before.",
            ),
            multiplier=ratio(tasks.tokens, tasks.first_call_tokens, empty="No task began."),
            cost_per_task=ratio(tasks.cost, tasks.tasks, empty="No task began."),
        )
        for each, tasks in now.items()
        if tasks.tasks
    ]
    return sorted(rows, key=lambda agent: (-agent.tasks.cost, agent.scope.path))


@dataclass(frozen=True, slots=True)
class TaskSizes:
    """Bands without gaps. Where `are_estimated` one task in ONE_IN stands for as many."""

    bands: Sequence[TaskSizeBand] = ()
    are_estimated: bool = False


def task_sizes(*, scope_id: int, since: date, until: date) -> TaskSizes:
    """Tasks that began in the period, by powers of two of their tokens; estimated above COUNTED_MAX tasks."""
    scopes = scope_tree().descendants(scope_id)
    are_many = sum(sums.tasks for sums in _by_scope(scopes, since, until).values()) > COUNTED_MAX
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT width_bucket(tokens, %s::bigint[]), count(*) FROM {TASK_TABLE}
            WHERE scope_id = ANY(%s) AND began_on >= %s AND began_on < %s
                {f"AND {SAMPLED}" if are_many else ""} GROUP BY 1
            """,  # noqa: S608  # our own names
            [[2**power for power in range(1, 63)], list(scopes), since, until],
        )
        counted = dict(cursor.fetchall())
    if not counted:
        return TaskSizes()
    each = ONE_IN if are_many else 1
    powers = range(min(counted), max(counted) + 1)
    return TaskSizes([TaskSizeBand(2**power, each * counted.get(power, 0)) for power in powers], are_many)


def _by_scope(scopes: Sequence[int], since: date, until: date) -> dict[int, TaskSums]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, sum(tasks)::bigint, sum(first_call_tokens)::bigint, sum(tokens)::bigint, sum(cost)
            FROM {TASK_DAY_TABLE} WHERE scope_id = ANY(%s) AND day >= %s AND day < %s GROUP BY scope_id
            """,  # noqa: S608  # our own table name
            [list(scopes), since, until],
        )
        return {row[0]: TaskSums(*row[1:]) for row in cursor.fetchall()}
