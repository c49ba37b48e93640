"""Variances of cost between two periods, of one scope or of many, each with all scopes below it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, TASK_DAY_TABLE
from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, last_month, period_before
from allocation.variance.engine.variance import GPU_HOUR, PARTS, REQUEST, TOKEN, UsageLine, Variance, variance_of
from governance.errors import Invalid
from governance.people.queries import visible_scope_paths
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

ADJUSTMENT = "adjustment"
UNPRICED = "unpriced"
BILLED = "billed"
# Prefix of the kind of a line that was billed without a known price; the meter follows.
BILLED_METER = f"{BILLED} "
UNIT_OF_METER = {REQUEST: REQUEST, GPU_HOUR: GPU_HOUR, ADJUSTMENT: ""}
NANO_PLACES = 9
Pair = tuple[int, int]
# (provider, model, kind)
LineKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ScopeVariance:
    """Of a scope with all below it. `unpriced_requests` and `unpriced_tokens` (before, after) have no cost and are in
    none of the effects.
    """

    scope_id: int
    path: str
    name: str
    currency: str
    variance: Variance
    unpriced_requests: Pair
    unpriced_tokens: Pair


def compared_periods(
    *, since: date | None, until: date | None, against_since: date | None, against_until: date | None, today: date
) -> ComparedPeriods:
    """By default the last whole month, compared with the month before; other periods with as many days right before.

    Errors: period_open, period_empty.
    """
    if (since is None) != (until is None) or (against_since is None) != (against_until is None):
        raise Invalid("A period has a first day and a day after the last: give both or neither.", code="period_open")
    after = _period(since, until, "The period") if since and until else last_month(today)
    if not (against_since and against_until):
        return ComparedPeriods(period_before(after), after)
    return ComparedPeriods(_period(against_since, against_until, "The period to compare with"), after)


def _period(since: date, until: date, name: str) -> ComparedPeriod:
    if since >= until:
        raise Invalid(f"{name} must end after it begins: {until} is not after {since}.", code="period_empty")
    return ComparedPeriod(since, until)


def scope_variance(*, scope_id: int, periods: ComparedPeriods, driver: Driver | None = None) -> ScopeVariance:
    """The variance of the scope with all below it, by model; volume in `driver`'s unit where that covers the use."""
    tree = scope_tree()
    sums = _ComparedSums(tree, {scope_id})
    sums.read(tree.descendants(scope_id), periods)
    return sums.variance(scope_id, driver, by_model=True)


def scope_variances(*, actor: Actor, scope_id: int | None, periods: ComparedPeriods) -> list[ScopeVariance]:
    """The variance of every scope with use that `actor` may see (at or below `scope_id`), without models; the largest
    change first. Two queries, whatever the number of scopes.
    """
    tree = scope_tree()
    tops = [tree.by_path[path].id for path in visible_scope_paths(actor)] if scope_id is None else [scope_id]
    below = [scope_below for top in tops for scope_below in tree.descendants(top)]
    sums = _ComparedSums(tree, set(below))
    sums.read(below, periods)
    variances = [sums.variance(scope_below, None, by_model=False) for scope_below in below if scope_below in sums.lines]
    return sorted(variances, key=lambda row: (-abs(row.variance.change), row.path))


class _ComparedSums:
    """Sums of two periods, by scope with all below it; quantities in parts of their unit, cost in 10^-9."""

    def __init__(self, tree: ScopeTree, wanted: set[int]) -> None:
        self.tree = tree
        self.wanted = wanted
        # (quantity before, after, cost before, after)
        self.lines: dict[int, dict[LineKey, list[int]]] = {}
        # tasks, requests of tasks, requests, unpriced requests; each before and after
        self.counts: dict[int, list[int]] = defaultdict(lambda: [0] * 8)

    def read(self, scope_ids: Sequence[int], periods: ComparedPeriods) -> None:
        for scope_id, provider, model, kind, *amounts in _charges(scope_ids, periods):
            part = PARTS.get(_unit(kind), 1)
            sums = [
                *(int(quantity * part) for quantity in amounts[:2]),
                *(int(cost.scaleb(NANO_PLACES)) for cost in amounts[2:]),
            ]
            key = (provider, model, kind)
            for ancestor in self._wanted_ancestors(scope_id):
                own = self.lines.setdefault(ancestor, {})
                known = own.get(key)
                if known is None:
                    own[key] = list(sums)
                else:
                    for place, amount in enumerate(sums):
                        known[place] += amount
        for scope_id, *counts in _counts(scope_ids, periods):
            for ancestor in self._wanted_ancestors(scope_id):
                known = self.counts[ancestor]
                for place, count in enumerate(counts):
                    known[place] += count

    def _wanted_ancestors(self, scope_id: int) -> Iterable[int]:
        return (ancestor for ancestor in self.tree.ancestors(scope_id) if ancestor in self.wanted)

    def variance(self, scope_id: int, driver: Driver | None, *, by_model: bool) -> ScopeVariance:
        own, counts, node = self.lines.get(scope_id, {}), self.counts[scope_id], self.tree.by_id[scope_id]
        activity = ActivityCounts(
            tasks=(counts[0], counts[1]), task_requests=(counts[2], counts[3]), requests=(counts[4], counts[5])
        )
        unpriced = [sums for (_provider, _model, kind), sums in own.items() if kind == UNPRICED]
        return ScopeVariance(
            scope_id=scope_id,
            path=node.path,
            name=node.name or node.slug,
            currency=node.currency,
            variance=variance_of(_lines(own), activity, driver=driver, by_model=by_model),
            unpriced_requests=(counts[6], counts[7]),
            unpriced_tokens=(sum(sums[0] for sums in unpriced), sum(sums[1] for sums in unpriced)),
        )


def _unit(kind: str) -> str:
    return UNIT_OF_METER.get(kind.removeprefix(BILLED_METER), TOKEN)


def _lines(own: dict[LineKey, list[int]]) -> Iterable[UsageLine]:
    billed: dict[tuple[str, str], dict[str, list[int]]] = {}
    for (provider, model, kind), sums in own.items():
        if kind.startswith(BILLED_METER):
            by_unit = billed.setdefault((provider, model), {})
            known = by_unit.setdefault(_unit(kind), [0, 0, 0, 0])
            for place, amount in enumerate(sums):
                known[place] += amount
        elif kind != UNPRICED:
            yield UsageLine(provider, model, kind, _unit(kind), (sums[0], sums[1]), (sums[2], sums[3]))
    for (provider, model), by_unit in billed.items():
        yield _billed_line(provider, model, by_unit)


def _billed_line(provider: str, model: str, by_unit: dict[str, list[int]]) -> UsageLine:
    """One line for all that was billed without a known price: over tokens, else over GPU hours, else over requests;
    without a quantity where none of them covers both periods.
    """
    cost = (sum(sums[2] for sums in by_unit.values()), sum(sums[3] for sums in by_unit.values()))
    for unit in (TOKEN, GPU_HOUR, REQUEST):
        used = by_unit.get(unit, [0, 0])
        if all(used[side] > 0 or not cost[side] for side in (0, 1)) and (used[0] > 0 or used[1] > 0):
            return UsageLine(provider, model, BILLED, unit, (used[0], used[1]), cost)
    return UsageLine(provider, model, BILLED, "", (0, 0), cost)


def _parameters(scope_ids: Sequence[int], periods: ComparedPeriods) -> dict[str, Any]:
    return {
        "scopes": list(scope_ids),
        "before_from": periods.before.since,
        "before_to": periods.before.until,
        "after_from": periods.after.since,
        "after_to": periods.after.until,
    }


# Periods may overlap, so a day may count in both.
_BEFORE = "FILTER (WHERE day >= %(before_from)s AND day < %(before_to)s)"
_AFTER = "FILTER (WHERE day >= %(after_from)s AND day < %(after_to)s)"
_IN_EITHER = (
    "(day >= %(before_from)s AND day < %(before_to)s OR day >= %(after_from)s AND day < %(after_to)s)"
    " AND scope_id = ANY(%(scopes)s::bigint[])"
)


def _both(column: str) -> str:
    return f"coalesce(sum({column}) {_BEFORE}, 0), coalesce(sum({column}) {_AFTER}, 0)"


def _charges(scope_ids: Sequence[int], periods: ComparedPeriods) -> Iterable[Sequence[Any]]:
    """(scope, provider, model, kind, quantity before and after, cost before and after)"""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, provider, model,
                CASE
                    WHEN meter = '{ADJUSTMENT}' THEN meter
                    WHEN price_source = 'none' THEN CASE WHEN meter IN ('{REQUEST}', '{GPU_HOUR}') THEN NULL
                        ELSE '{UNPRICED}' END
                    WHEN price_source = 'response_cache' THEN CASE WHEN meter IN ('{REQUEST}', '{GPU_HOUR}') THEN NULL
                        ELSE price_source END
                    WHEN contracted_unit_price IS NULL AND effective_cost = 0
                        AND (price_source = 'genai-prices' OR price_source LIKE 'pricebook:%%')
                        THEN CASE WHEN meter IN ('{REQUEST}', '{GPU_HOUR}') THEN NULL ELSE '{UNPRICED}' END
                    WHEN contracted_unit_price IS NULL THEN '{BILLED_METER}' || meter
                    ELSE meter
                END AS kind,
                {_both("quantity")}, {_both("effective_cost")}
            FROM {CHARGE_TABLE}
            WHERE {_IN_EITHER}
            GROUP BY 1, 2, 3, 4
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods),
        )
        return [row for row in cursor.fetchall() if row[3] is not None]


def _counts(scope_ids: Sequence[int], periods: ComparedPeriods) -> Iterable[Sequence[int]]:
    """(scope, then tasks, requests of tasks, requests and unpriced requests, each before and after); failed requests
    are not counted.
    """
    columns = ("tasks", "task_requests", "requests", "unpriced_requests")
    summed = ", ".join(f"coalesce(sum({name}) {period}, 0)::bigint" for name in columns for period in (_BEFORE, _AFTER))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, {summed}
            FROM (
                SELECT scope_id, (bucket AT TIME ZONE 'UTC')::date AS day, 0 AS tasks, 0 AS task_requests,
                    requests - errors AS requests, unpriced_requests
                FROM {DAY_TABLE}
                WHERE bucket >= least(%(before_from)s, %(after_from)s)::timestamp AT TIME ZONE 'UTC'
                    AND bucket < greatest(%(before_to)s, %(after_to)s)::timestamp AT TIME ZONE 'UTC'
                UNION ALL
                SELECT scope_id, day, tasks, requests - errors, 0, 0 FROM {TASK_DAY_TABLE}
            ) AS counted
            WHERE {_IN_EITHER}
            GROUP BY scope_id
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods),
        )
        rows: Sequence[Sequence[int]] = cursor.fetchall()
    return rows


def money_of(nanos: int) -> Decimal:
    """10^-9 of a currency as an amount of it."""
    return Decimal(nanos).scaleb(-NANO_PLACES)
