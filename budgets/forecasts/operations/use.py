"""Daily use of scopes with all below them. Beside the operations and not among the queries, which web processes
import: numpy is for workers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connection

from budgets.forecasts.engine.filters import FloatArray
from governance.calendar.engine import midnight
from governance.scopes.queries import ScopeTree

MEASURES = {
    "money": "sum(cost)",
    "tokens": "sum(input_tokens + output_tokens)",
    "requests": "sum(requests)",
    "gpu_hours": "sum(gpu_seconds) / 3600",
}


@dataclass(frozen=True, slots=True)
class DailyUse:
    """[days, scopes] of the scopes in their order, each with all below it. Floating point: an estimate is made of it,
    and nothing is charged by it.
    """

    used: FloatArray
    tokens: FloatArray
    tasks: FloatArray


def daily_use(tree: ScopeTree, scope_ids: Sequence[int], *, unit: str, since: date, until: date) -> DailyUse:
    """Of the days [since, until), in the unit of a budget. Two queries."""
    places = {scope_id: place for place, scope_id in enumerate(scope_ids)}
    below = sorted({each for scope_id in scope_ids for each in tree.descendants(scope_id)})
    shape = ((until - since).days, len(scope_ids))
    use = DailyUse(np.zeros(shape), np.zeros(shape), np.zeros(shape))
    span: dict[str, Any] = {
        "scopes": below,
        "since": since,
        "from": midnight(since),
        "to": midnight(until),
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, array_agg(day), array_agg(used), array_agg(tokens) FROM (
                SELECT scope_id, (bucket AT TIME ZONE 'UTC')::date - %(since)s AS day,
                    ({MEASURES[unit]})::float8 AS used, sum(input_tokens + output_tokens)::float8 AS tokens
                FROM allocation_usagescopeday
                WHERE scope_id = ANY(%(scopes)s) AND bucket >= %(from)s AND bucket < %(to)s
                GROUP BY scope_id, bucket
            ) AS daily GROUP BY scope_id
            """,  # noqa: S608  # our own names
            span,
        )
        for scope_id, days, used, tokens in cursor.fetchall():
            _add(use.used, tree, places, scope_id, days, used)
            _add(use.tokens, tree, places, scope_id, days, tokens)
        cursor.execute(
            """
            SELECT scope_id, array_agg(day - %(since)s), array_agg(tasks::float8) FROM allocation_taskday
            WHERE scope_id = ANY(%(scopes)s) AND day >= %(since)s AND day < %(until)s GROUP BY scope_id
            """,
            span,
        )
        for scope_id, days, tasks in cursor.fetchall():
            _add(use.tasks, tree, places, scope_id, days, tasks)
    return use


def _add(
    total: FloatArray,
    tree: ScopeTree,
    places: Mapping[int, int],
    scope_id: int,
    days: Iterable[int],
    quantities: Iterable[float],
) -> None:
    """To the scope and to all above it that are asked for. A day is there once."""
    at = list(days)
    for each in {scope_id, *tree.ancestors(scope_id)} & places.keys():
        total[at, places[each]] += list(quantities)
