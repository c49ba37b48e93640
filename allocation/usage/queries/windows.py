"""Totals of scopes over windows of time, from the coarsest roll-ups that fit."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from allocation.usage.models import DAY_TABLE, HOUR_TABLE, MINUTE_TABLE, IngestWatermark
from governance.calendar.engine import DAY
from governance.scopes.queries import ScopeTree, scope_tree

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Of a scope and all below it. `cost` is in the organisation's currency and holds no unpriced usage; `tokens` is
    input + output; `requests` holds the failed and the unpriced ones too.
    """

    cost: Decimal
    tokens: int
    requests: int
    errors: int
    unpriced_requests: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time read from one roll-up: one elementary interval has at most five."""

    interval: int
    start: datetime
    end: datetime


def window_totals(*, scope_ids: Iterable[int], since: datetime, until: datetime) -> dict[int, UsageTotals]:
    """By scope, over its whole subtree; unknown scopes are left out."""
    tree = scope_tree()
    wanted = [scope_id for scope_id in scope_ids if scope_id in tree.by_id]
    below = {lower for scope_id in wanted for lower in tree.descendants(scope_id)}
    totals = _totals(tree, {"": (since, until)}, sorted(below))[""]
    return {scope_id: totals[scope_id] for scope_id in wanted}


def windows_totals(*, windows: Mapping[str, Window], at: datetime) -> dict[str, dict[int, UsageTotals]]:
    """For every window and every scope there is, over the scope's whole subtree; zeros where nothing was used.

    Windows are half-open and rounded outwards to whole minutes. What occurs after `at` is not looked at.
    """
    until = {name: (since, min(end, at)) for name, (since, end) in windows.items()}
    return _totals(scope_tree(), until, None)


def data_ages(at: datetime) -> dict[int, float | None]:
    """Seconds since each organisation's feed last delivered, by root scope; None when it never did. The age is the
    feed's, not a scope's: a scope that is held back has no news, and must not go stale by being held back.
    """
    seen = dict(IngestWatermark.objects.values_list("scope_id", "last_received_at"))
    return {root: max(0.0, (at - seen[root]).total_seconds()) if root in seen else None for root in scope_tree().roots}


def _totals(
    tree: ScopeTree, windows: Mapping[str, Window], only: Sequence[int] | None
) -> dict[str, dict[int, UsageTotals]]:
    rounded = {name: (floor(since, MINUTE), ceiling(until, MINUTE)) for name, (since, until) in windows.items()}
    edges = sorted({edge for window in rounded.values() for edge in window})
    intervals = [(start, end) for start, end in itertools.pairwise(edges)]
    members: list[list[str]] = [
        [name for name, (since, until) in rounded.items() if since <= start and end <= until]
        for start, end in intervals
    ]
    sums: dict[str, dict[int, list[Any]]] = {
        name: {scope_id: [Decimal(0), 0, 0, 0, 0] for scope_id in tree.by_id} for name in windows
    }
    for interval, scope_id, *values in _rows(intervals, members, only):
        for name in members[interval]:
            _add(sums[name][scope_id], values)
    children_first = sorted(tree.by_id.values(), key=lambda node: -node.depth)
    for by_scope in sums.values():
        for node in children_first:
            if node.parent_id is not None and by_scope[node.id][2]:
                _add(by_scope[node.parent_id], by_scope[node.id])
    return {
        name: {scope_id: UsageTotals(*values) for scope_id, values in by_scope.items()}
        for name, by_scope in sums.items()
    }


def _add(total: list[Any], values: Sequence[Any]) -> None:
    total[0] += values[0]
    total[1] += values[1]
    total[2] += values[2]
    total[3] += values[3]
    total[4] += values[4]


def _rows(
    intervals: Sequence[Window], members: Sequence[Sequence[str]], only: Sequence[int] | None
) -> Iterable[Sequence[Any]]:
    """Every stretch of time is read once, from the coarsest roll-up that fits, however many windows it is in."""
    by_table: dict[str, list[Piece]] = {}
    for number, (start, end) in enumerate(intervals):
        if members[number]:
            for table, piece_start, piece_end in pieces(start, end):
                by_table.setdefault(table, []).append(Piece(number, piece_start, piece_end))
    for table, stretches in by_table.items():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT stretch.interval, used.scope_id, sum(used.cost),
                    sum(used.input_tokens + used.output_tokens)::bigint, sum(used.requests)::bigint,
                    sum(used.errors)::bigint, sum(used.unpriced_requests)::bigint
                FROM unnest(%(intervals)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
                    AS stretch (interval, start, until)
                JOIN {table} AS used ON used.bucket >= stretch.start AND used.bucket < stretch.until
                WHERE %(only)s::bigint[] IS NULL OR used.scope_id = ANY(%(only)s::bigint[])
                GROUP BY stretch.interval, used.scope_id
                """,  # noqa: S608  # our own table names
                {
                    "intervals": [piece.interval for piece in stretches],
                    "starts": [piece.start for piece in stretches],
                    "ends": [piece.end for piece in stretches],
                    "only": None if only is None else list(only),
                },
            )
            yield from cursor.fetchall()


def pieces(start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """[start, end), on whole minutes, as (roll-up table, start, end): days in the middle, hours and minutes outside."""
    minute, hour, day = (MINUTE_TABLE, HOUR_TABLE, DAY_TABLE)
    first_hour, last_hour = ceiling(start, HOUR), floor(end, HOUR)
    if first_hour >= last_hour:
        return [(minute, start, end)] if start < end else []
    first_day, last_day = ceiling(first_hour, DAY), floor(last_hour, DAY)
    middle = (
        [(hour, first_hour, last_hour)]
        if first_day >= last_day
        else [(hour, first_hour, first_day), (day, first_day, last_day), (hour, last_day, last_hour)]
    )
    whole = [(minute, start, first_hour), *middle, (minute, last_hour, end)]
    return [piece for piece in whole if piece[1] < piece[2]]


def floor(at: datetime, step: timedelta) -> datetime:
    return at - (at - EPOCH) % step


def ceiling(at: datetime, step: timedelta) -> datetime:
    return at + (EPOCH - at) % step
