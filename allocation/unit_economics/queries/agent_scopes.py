"""Figures of scopes in which tasks begin, and the sizes of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from allocation.unit_economics.engine.unit_economics import Ratio, TaskSums, ratio
from allocation.unit_economics.queries.figures import BASELINE
from allocation.usage.models import TASK_DAY_TABLE, TASK_TABLE
from governance.scopes.queries import ScopeNode, scope_tree


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


def task_sizes(*, scope_id: int, since: date, until: date) -> list[TaskSizeBand]:
    """Tasks that began in the period, by powers of two of their tokens, without gaps."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT floor(log(2, greatest(tokens, 1)))::int, count(*)
            FROM {TASK_TABLE} WHERE scope_id = ANY(%s) AND began_on >= %s AND began_on < %s GROUP BY 1
            """,  # noqa: S608  # our own table name
            [list(scope_tree().descendants(scope_id)), since, until],
        )
        counted = dict(cursor.fetchall())
    if not counted:
        return []
    return [TaskSizeBand(2**power, counted.get(power, 0)) for power in range(min(counted), max(counted) + 1)]


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
