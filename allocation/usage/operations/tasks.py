"""Adds the calls of a batch to tasks and to their daily sums."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import starmap
from typing import Any

import orjson
from django.db import connection

from allocation.usage.engine.tasks import DayKey, DaySums, FirstCall, TaskKey, TaskSums, merge_tasks
from allocation.usage.models import TASK_DAY_TABLE, TASK_TABLE
from governance.work.operations import added


def add_to_tasks(added: Mapping[TaskKey, TaskSums], days: dict[DayKey, DaySums]) -> None:
    """Adds to tasks, then to their days. New tasks are inserted before those that were there are locked, both in the
    order of their keys: whoever meets a task that another transaction inserts waits before it has locked any, so that
    two never wait for each other crosswise.
    """
    if not added:
        return
    keys = sorted(added)
    known = _known(keys)
    missing = [key for key in keys if key not in known]
    inserted: set[TaskKey] = set()
    if missing:
        inserted = _insert(merge_tasks({}, {key: added[key] for key in missing}, {}))
        merge_tasks({}, {key: added[key] for key in missing if key in inserted}, days)
    others = [key for key in keys if key not in inserted]
    if others:
        # Read again under the lock: another transaction may have added to them meanwhile.
        write_tasks(merge_tasks(lock_tasks(others), {key: added[key] for key in others}, days))
    add_task_days(days)


# In the order of `_row`. Binding one JSON text is far cheaper than binding an array per column.
ROWS = """json_to_recordset(%s) AS new (
    r bigint, t text, s bigint, b date, f timestamptz, i uuid, n bigint, l timestamptz, q bigint, e bigint, k bigint,
    c numeric
)"""


def _rows(tasks: Mapping[TaskKey, TaskSums]) -> str:
    return orjson.dumps([_row(key, task) for key, task in tasks.items()]).decode()


def _row(key: TaskKey, task: TaskSums) -> dict[str, object]:
    first = task.first
    row = {
        "r": key.root_id,
        "t": key.task_id,
        "n": 0,
        "l": datetime.fromtimestamp(task.last_s, UTC),
        "q": task.requests,
        "e": task.errors,
        "k": task.tokens,
        "c": str(task.cost),
    }
    if first is None:
        return row
    began = datetime.fromtimestamp(first.at_s, UTC)
    return {**row, "s": first.scope_id, "b": first.on, "f": began, "i": first.record_id, "n": first.tokens}


def _insert(tasks: Mapping[TaskKey, TaskSums]) -> set[TaskKey]:
    """The keys of those that were new."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {TASK_TABLE} (
                organisation_id, task_id, scope_id, began_on, first_occurred_at, first_record_id, first_call_tokens,
                last_occurred_at, requests, errors, tokens, cost
            )
            SELECT r, t, s, b, f, i, n, l, q, e, k, c FROM {ROWS}
            ON CONFLICT (organisation_id, task_id) DO NOTHING RETURNING organisation_id, task_id
            """,  # noqa: S608  # our own names
            [_rows(tasks)],
        )
        return set(starmap(TaskKey, cursor.fetchall()))


def _known(keys: Sequence[TaskKey]) -> set[TaskKey]:
    """Those of the tasks that are there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT organisation_id, known.task_id FROM unnest(%s::bigint[], %s::text[]) AS wanted (root, task)"  # noqa: S608  # our own table name
            f" JOIN {TASK_TABLE} AS known ON known.organisation_id = root AND known.task_id = task",
            [[key.root_id for key in keys], [key.task_id for key in keys]],
        )
        return set(starmap(TaskKey, cursor.fetchall()))


def lock_tasks(keys: Sequence[TaskKey]) -> dict[TaskKey, TaskSums]:
    """Locks the tasks that exist and returns their totals. `keys` must be in rising order, the order of locks."""
    parameters: list[Any] = [[key.root_id for key in keys], [key.task_id for key in keys]]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT organisation_id, known.task_id, scope_id, began_on, extract(epoch FROM first_occurred_at)::float8,
                first_record_id, first_call_tokens, extract(epoch FROM last_occurred_at)::float8, requests, errors,
                tokens, cost
            FROM unnest(%s::bigint[], %s::text[]) AS wanted (root, task)
            JOIN {TASK_TABLE} AS known ON known.organisation_id = root AND known.task_id = task
            ORDER BY organisation_id, known.task_id COLLATE "C" FOR UPDATE OF known
            """,  # noqa: S608  # our own table name
            parameters,
        )
        return dict(starmap(_known_task, cursor.fetchall()))


def _known_task(
    root_id: int, task_id: str, scope_id: int | None, began_on: Any, first_s: Any, record_id: Any, first_tokens: int,
    last_s: Any, requests: int, errors: int, tokens: int, cost: Decimal,
) -> tuple[TaskKey, TaskSums]:  # fmt: skip
    first = None if scope_id is None else FirstCall(first_s, record_id.hex, scope_id, began_on, first_tokens)
    return TaskKey(root_id, task_id), TaskSums(first, last_s or 0.0, requests, errors, tokens, cost)


def write_tasks(after: Mapping[TaskKey, TaskSums]) -> None:
    """Writes the totals of tasks, which must be locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TASK_TABLE} AS known SET
                scope_id = s, began_on = b, first_occurred_at = f, first_record_id = i, first_call_tokens = n,
                last_occurred_at = l, requests = q, errors = e, tokens = k, cost = c
            FROM {ROWS} WHERE known.organisation_id = r AND known.task_id = t
            """,  # noqa: S608  # our own names
            [_rows(after)],
        )


_ADDED = added("tasks", "first_call_tokens", "requests", "errors", "tokens", "cost")


def add_task_days(days: Mapping[DayKey, DaySums]) -> None:
    """Adds to the daily sums, locking their rows in the order of scope and day."""
    ordered = sorted((key, sums) for key, sums in days.items() if not sums.is_nothing())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {TASK_DAY_TABLE} AS known (
                scope_id, day, tasks, first_call_tokens, requests, errors, tokens, cost
            )
            SELECT * FROM unnest(
                %(scopes)s::bigint[], %(days)s::date[], %(tasks)s::bigint[], %(first)s::bigint[],
                %(requests)s::bigint[], %(errors)s::bigint[], %(tokens)s::bigint[], %(costs)s::numeric[]
            )
            ON CONFLICT (scope_id, day) DO UPDATE SET
                {_ADDED}
            """,  # noqa: S608  # our own table name
            {
                "scopes": [scope_id for (scope_id, _), _ in ordered],
                "days": [day for (_, day), _ in ordered],
                "tasks": [sums.tasks for _, sums in ordered],
                "first": [sums.first_call_tokens for _, sums in ordered],
                "requests": [sums.requests for _, sums in ordered],
                "errors": [sums.errors for _, sums in ordered],
                "tokens": [sums.tokens for _, sums in ordered],
                "costs": [sums.cost for _, sums in ordered],
            },
        )
