"""Totals of scopes over time windows, from the coarsest roll-ups that fit."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from allocation.usage.models import DAY_TABLE, HOUR_TABLE, MINUTE_TABLE, SCOPE_DAY_TABLE, IngestWatermark
from governance.calendar.engine import DAY
from governance.scopes.queries import ScopeTree, scope_tree

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Window = tuple[datetime, datetime]
# Where the sums of a roll-up stand for whole scopes, whatever the model.
WITHOUT_MODELS = {DAY_TABLE: SCOPE_DAY_TABLE}


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Usage of a scope and all scopes below it. `cost` is in the organisation's currency, without unpriced usage;
    `tokens` is input + output; `requests` includes failed and unpriced ones. Of `partly_unpriced_requests` the cost
    leaves something out.
    """

    cost: Decimal
    tokens: int
    requests: int
    errors: int
    unpriced_requests: int
    partly_unpriced_requests: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of time that is read from one roll-up; an interval has at most five."""

    interval: int
    start: datetime
    end: datetime


def fine_from(at: datetime) -> datetime:
    """From when on minutes and hours are kept. An edge of a window before it is rounded outwards to whole days."""
    return at - timedelta(days=settings.USAGE_MINUTES_DAYS)


def window_totals(
    *, scope_ids: Iterable[int], since: datetime, until: datetime, at: datetime
) -> dict[int, UsageTotals]:
    """By scope, over its whole subtree, as is known at `at`; unknown scopes are left out."""
    tree = scope_tree()
    known_ids = [scope_id for scope_id in scope_ids if scope_id in tree.by_id]
    below = {descendant for scope_id in known_ids for descendant in tree.descendants(scope_id)}
    totals = _totals(tree, {"": (since, until)}, sorted(below), at)[""]
    return {scope_id: totals[scope_id] for scope_id in known_ids}


def windows_totals(
    *,
    windows: Mapping[str, Window],
    at: datetime,
    scope_ids: Collection[int] | None = None,
    tree: ScopeTree | None = None,
) -> dict[str, dict[int, UsageTotals]]:
    """For every window and every scope (or these alone), over the scope's whole subtree; zeros without usage. Windows
    are half-open and rounded outwards to whole minutes, those older than `fine_from` to whole days. Usage after `at` is
    not counted.
    """
    until = {name: (since, min(end, at)) for name, (since, end) in windows.items()}
    tree = tree or scope_tree()
    if scope_ids is None:
        return _totals(tree, until, None, at)
    below = {descendant for scope_id in scope_ids for descendant in tree.descendants(scope_id)}
    totals = _totals(tree, until, None if len(below) == len(tree.by_id) else sorted(below), at)
    return {name: {scope_id: by_scope[scope_id] for scope_id in scope_ids} for name, by_scope in totals.items()}


def data_ages(at: datetime, tree: ScopeTree | None = None) -> dict[int, float | None]:
    """Seconds since each organisation's feed last delivered, by root scope; None when it never did. The age is the
    feed's, not a scope's: a blocked scope has no usage, and its data must not look stale because of the block.
    """
    delivered = dict(IngestWatermark.objects.values_list("scope_id", "last_received_at"))
    return {
        root: max(0.0, (at - delivered[root]).total_seconds()) if root in delivered else None
        for root in (tree or scope_tree()).roots
    }


def _totals(
    tree: ScopeTree, windows: Mapping[str, Window], scope_ids: Sequence[int] | None, at: datetime
) -> dict[str, dict[int, UsageTotals]]:
    kept_from = fine_from(at)
    rounded = {
        name: (floor(since, _step(since, kept_from)), ceiling(until, _step(until, kept_from)))
        for name, (since, until) in windows.items()
    }
    edges = sorted({edge for window in rounded.values() for edge in window})
    intervals = [(start, end) for start, end in itertools.pairwise(edges)]
    members: list[list[str]] = [
        [name for name, (since, until) in rounded.items() if since <= start and end <= until]
        for start, end in intervals
    ]
    counted = tree.by_id if scope_ids is None else scope_ids
    sums: dict[str, dict[int, list[Any]]] = {
        name: {scope_id: [Decimal(0), 0, 0, 0, 0, 0] for scope_id in counted} for name in windows
    }
    for interval, scope_id, *values in _rows(intervals, members, scope_ids):
        for name in members[interval]:
            _add(sums[name][scope_id], values)
    children_first = sorted((tree.by_id[scope_id] for scope_id in counted), key=lambda node: -node.depth)
    for by_scope in sums.values():
        for node in children_first:
            if node.parent_id in by_scope and by_scope[node.id][2]:
                _add(by_scope[node.parent_id], by_scope[node.id])
    return {
        name: {scope_id: UsageTotals(*values) for scope_id, values in by_scope.items()}
        for name, by_scope in sums.items()
    }


def _step(edge: datetime, kept_from: datetime) -> timedelta:
    return MINUTE if edge >= kept_from else DAY


def _add(total: list[Any], values: Sequence[Any]) -> None:
    total[0] += values[0]
    total[1] += values[1]
    total[2] += values[2]
    total[3] += values[3]
    total[4] += values[4]
    total[5] += values[5]


def _rows(
    intervals: Sequence[Window], members: Sequence[Sequence[str]], scope_ids: Sequence[int] | None
) -> Iterable[Sequence[Any]]:
    """Every range of time is read once, from the coarsest roll-up that fits, however many windows it is in."""
    by_table: dict[str, list[Slice]] = {}
    for number, (start, end) in enumerate(intervals):
        if members[number]:
            for table, slice_start, slice_end in slices(start, end):
                by_table.setdefault(table, []).append(Slice(number, slice_start, slice_end))
    for table, parts in by_table.items():
        read = WITHOUT_MODELS.get(table, table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT stretch.interval, used.scope_id, sum(used.cost),
                    sum(used.input_tokens + used.output_tokens)::bigint, sum(used.requests)::bigint,
                    sum(used.errors)::bigint, sum(used.unpriced_requests)::bigint,
                    sum(used.partly_unpriced_requests)::bigint
                FROM unnest(%(intervals)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
                    AS stretch (interval, start, until)
                JOIN {read} AS used ON used.bucket >= stretch.start AND used.bucket < stretch.until
                WHERE %(only)s::bigint[] IS NULL OR used.scope_id = ANY(%(only)s::bigint[])
                GROUP BY stretch.interval, used.scope_id
                """,  # noqa: S608  # our own table names
                {
                    "intervals": [part.interval for part in parts],
                    "starts": [part.start for part in parts],
                    "ends": [part.end for part in parts],
                    "only": None if scope_ids is None else list(scope_ids),
                },
            )
            yield from cursor.fetchall()


def slices(start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """[start, end), on whole minutes, as (roll-up table, start, end): whole days, around them hours, around these
    minutes.
    """
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
    in_order = [(minute, start, first_hour), *middle, (minute, last_hour, end)]
    return [part for part in in_order if part[1] < part[2]]


def floor(at: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` since 1970 at or before the instant."""
    return at - (at - EPOCH) % step


def ceiling(at: datetime, step: timedelta) -> datetime:
    """The first multiple of `step` since 1970 at or after the instant."""
    return at + (EPOCH - at) % step
