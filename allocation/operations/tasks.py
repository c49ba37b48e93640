"""Calls of tasks into tasks and their days."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import starmap
from typing import Any

from django.db import connection

from allocation.engine.tasks import DayKey, DaySums, FirstCall, TaskKey, TaskSums, merged
from allocation.models import TASK_DAY_TABLE, TASK_TABLE


def add_to_tasks(added: Mapping[TaskKey, TaskSums], days: dict[DayKey, DaySums]) -> None:
    """Into tasks, then into their days. A task is locked before it is read, so that two batches with calls of one
    task never both take it for new.
    """
    if not added:
        return
    keys = sorted(added)
    before = lock_tasks(keys)
    write_tasks(merged(before, {key: added[key] for key in keys}, days))
    add_task_days(days)


def lock_tasks(keys: Sequence[TaskKey]) -> dict[TaskKey, TaskSums]:
    """How tasks stand, made where they are not there yet; `keys` in rising order."""
    wanted: dict[str, list[Any]] = {"roots": [key.root_id for key in keys], "tasks": [key.task_id for key in keys]}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {TASK_TABLE} (organisation_id, task_id, first_call_tokens, requests, errors, tokens, cost)
            SELECT root, task, 0, 0, 0, 0, 0
            FROM unnest(%(roots)s::bigint[], %(tasks)s::text[]) WITH ORDINALITY AS new (root, task, place)
            ORDER BY place ON CONFLICT (organisation_id, task_id) DO NOTHING
            """,  # noqa: S608  # our own table name
            wanted,
        )
        cursor.execute(
            f"""
            SELECT organisation_id, known.task_id, scope_id, began_on, extract(epoch FROM first_occurred_at)::float8,
                first_record_id, first_call_tokens, extract(epoch FROM last_occurred_at)::float8, requests, errors,
                tokens, cost
            FROM unnest(%(roots)s::bigint[], %(tasks)s::text[]) AS wanted (root, task)
            JOIN {TASK_TABLE} AS known ON known.organisation_id = root AND known.task_id = task
            ORDER BY organisation_id, known.task_id COLLATE "C" FOR UPDATE OF known
            """,  # noqa: S608  # our own table name
            wanted,
        )
        return dict(starmap(_known_task, cursor.fetchall()))


def _known_task(
    root_id: int, task_id: str, scope_id: int | None, began_on: Any, first_s: Any, record_id: Any, first_tokens: int,
    last_s: Any, requests: int, errors: int, tokens: int, cost: Decimal,
) -> tuple[TaskKey, TaskSums]:  # fmt: skip
    first = None if scope_id is None else FirstCall(first_s, record_id.hex, scope_id, began_on, first_tokens)
    return TaskKey(root_id, task_id), TaskSums(first, last_s or 0.0, requests, errors, tokens, cost)


def write_tasks(after: Mapping[TaskKey, TaskSums]) -> None:
    firsts = [task.first for task in after.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {TASK_TABLE} AS known SET
                scope_id = new.scope, began_on = new.began, first_occurred_at = new.first, first_record_id = new.record,
                first_call_tokens = new.first_tokens, last_occurred_at = new.last, requests = new.requests,
                errors = new.errors, tokens = new.tokens, cost = new.cost
            FROM unnest(
                %(roots)s::bigint[], %(tasks)s::text[], %(scopes)s::bigint[], %(began)s::date[],
                %(firsts)s::timestamptz[], %(records)s::uuid[], %(first_tokens)s::bigint[], %(lasts)s::timestamptz[],
                %(requests)s::bigint[], %(errors)s::bigint[], %(tokens)s::bigint[], %(costs)s::numeric[]
            ) AS new (root, task, scope, began, first, record, first_tokens, last, requests, errors, tokens, cost)
            WHERE known.organisation_id = new.root AND known.task_id = new.task
            """,  # noqa: S608  # our own table name
            {
                "roots": [key.root_id for key in after],
                "tasks": [key.task_id for key in after],
                "scopes": [first and first.scope_id for first in firsts],
                "began": [first and first.on for first in firsts],
                "firsts": [first and datetime.fromtimestamp(first.at_s, UTC) for first in firsts],
                "records": [first and first.record_id for first in firsts],
                "first_tokens": [first.tokens if first else 0 for first in firsts],
                "lasts": [datetime.fromtimestamp(task.last_s, UTC) for task in after.values()],
                "requests": [task.requests for task in after.values()],
                "errors": [task.errors for task in after.values()],
                "tokens": [task.tokens for task in after.values()],
                "costs": [task.cost for task in after.values()],
            },
        )


def add_task_days(days: Mapping[DayKey, DaySums]) -> None:
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
                tasks = known.tasks + EXCLUDED.tasks,
                first_call_tokens = known.first_call_tokens + EXCLUDED.first_call_tokens,
                requests = known.requests + EXCLUDED.requests,
                errors = known.errors + EXCLUDED.errors,
                tokens = known.tokens + EXCLUDED.tokens,
                cost = known.cost + EXCLUDED.cost
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
