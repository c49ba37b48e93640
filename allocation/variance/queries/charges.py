"""What was charged and done in two periods, by scope, model and kind of use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, TASK_DAY_TABLE, ChargeClass
from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.figures import GPU_HOUR, PARTS, REQUEST, TOKEN, UsageLine
from allocation.variance.engine.periods import ComparedPeriods

ADJUSTMENT = "adjustment"
CORRECTION = ChargeClass.CORRECTION.value
UNPRICED = "unpriced"
BILLED = "billed"
# Prefix of the kind of a line that was billed without a known price; the meter follows.
BILLED_METER = f"{BILLED} "
UNIT_OF_METER = {REQUEST: REQUEST, GPU_HOUR: GPU_HOUR, ADJUSTMENT: ""}
NANO_PLACES = 9
EXCHANGE_TABLE = "allocation_exchangerate"
Pair = tuple[int, int]


class ChargeSum(NamedTuple):
    """Of one kind of one model: quantities before and after in parts of their unit, costs in 10^-9, and costs in the
    currency of the price, in 10^-9 of that, or 0.
    """

    scope_id: int
    provider: str
    model: str
    kind: str
    used: Pair
    cost: Pair
    foreign: Pair


def unpriced_tokens(charges: Iterable[ChargeSum]) -> Pair:
    unpriced = [charge.used for charge in charges if charge.kind == UNPRICED]
    return sum(used[0] for used in unpriced), sum(used[1] for used in unpriced)


def _unit(kind: str) -> str:
    return UNIT_OF_METER.get(kind.removeprefix(BILLED_METER), TOKEN)


def usage_lines(charges: Iterable[ChargeSum]) -> Iterable[UsageLine]:
    billed: dict[tuple[str, str], dict[str, list[int]]] = {}
    for _scope_id, provider, model, kind, used, cost, foreign in charges:
        if kind.startswith(BILLED_METER):
            known = billed.setdefault((provider, model), {}).setdefault(_unit(kind), [0, 0, 0, 0])
            for place, amount in enumerate((*used, *cost)):
                known[place] += amount
        elif kind != UNPRICED:
            yield UsageLine(provider, model, kind, _unit(kind), used, cost, foreign)
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


# The price's currency and rate, such as `USD 0.92 2026-10-01` or `USD /1.08 2026-10-01`, end the version of a price
# that was converted.
_CONVERTED = "price_version ~ '[A-Z]{3} /?[0-9.]+ [0-9]{4}-[0-9]{2}-[0-9]{2}$'"
_CURRENCY = "split_part(price_version, ' ', -3)"
_RATE = "split_part(price_version, ' ', -2)"
_IN_ITS_CURRENCY = f"""CASE WHEN {_CONVERTED} THEN CASE WHEN {_RATE} LIKE '/%%'
    THEN effective_cost * substr({_RATE}, 2)::numeric ELSE effective_cost / {_RATE}::numeric END END"""
_IN_ONE_CURRENCY = f"bool_and({_CONVERTED}) AND min({_CURRENCY}) = max({_CURRENCY})"
_FOREIGN = ", ".join(
    f"CASE WHEN {_IN_ONE_CURRENCY} THEN coalesce(sum({_IN_ITS_CURRENCY}) {period}, 0) END"
    for period in (_BEFORE, _AFTER)
)


def charges_of(scope_ids: Sequence[int], periods: ComparedPeriods, *, with_exchange: bool) -> Iterable[ChargeSum]:
    foreign = _FOREIGN if with_exchange else "NULL, NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, provider, model,
                CASE
                    WHEN meter = '{ADJUSTMENT}' OR charge_class = '{CORRECTION}' THEN '{ADJUSTMENT}'
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
                {_both("quantity")}, {_both("effective_cost")}, {foreign}
            FROM {CHARGE_TABLE}
            WHERE {_IN_EITHER}
            GROUP BY 1, 2, 3, 4
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods),
        )
        for scope_id, provider, model, kind, before, after, *costs in cursor.fetchall():
            if kind is not None:
                # What is booked for closed months is money of these periods, and no use of theirs.
                part = 0 if kind == ADJUSTMENT else PARTS.get(_unit(kind), 1)
                nanos = [0 if cost is None else round(cost.scaleb(NANO_PLACES)) for cost in costs]
                yield ChargeSum(
                    scope_id,
                    provider,
                    model,
                    kind,
                    (int(before * part), int(after * part)),
                    (nanos[0], nanos[1]),
                    (nanos[2], nanos[3]),
                )


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done, by scope; each before and after. Failed requests are not counted."""

    tasks: dict[int, Sequence[int]]
    requests: dict[int, Pair]
    unpriced: dict[int, Pair]
    requests_of: dict[int, dict[tuple[str, str], Pair]]
    has_exchange_rates: bool

    def activity(self, scope_id: int) -> ActivityCounts:
        tasks = self.tasks.get(scope_id, (0, 0, 0, 0))
        return ActivityCounts(
            tasks=(tasks[0], tasks[1]),
            task_requests=(tasks[2], tasks[3]),
            requests=self.requests.get(scope_id, (0, 0)),
        )


def counts_of(scope_ids: Sequence[int], periods: ComparedPeriods) -> Counts:
    """Of tasks by scope, of requests by scope and model; and whether any exchange rate is stated."""
    columns = ("tasks", "task_requests", "requests", "unpriced_requests")
    summed = ", ".join(f"coalesce(sum({name}) {period}, 0)::bigint" for name in columns for period in (_BEFORE, _AFTER))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT scope_id, provider, model, {summed}, (SELECT EXISTS (SELECT FROM {EXCHANGE_TABLE}))
            FROM (
                SELECT scope_id, provider, model, (bucket AT TIME ZONE 'UTC')::date AS day, 0 AS tasks,
                    0 AS task_requests, requests - errors AS requests, unpriced_requests
                FROM {DAY_TABLE}
                WHERE bucket >= least(%(before_from)s, %(after_from)s)::timestamp AT TIME ZONE 'UTC'
                    AND bucket < greatest(%(before_to)s, %(after_to)s)::timestamp AT TIME ZONE 'UTC'
                UNION ALL
                SELECT scope_id, '', '', day, tasks, requests - errors, 0, 0 FROM {TASK_DAY_TABLE}
            ) AS counted
            WHERE {_IN_EITHER}
            GROUP BY scope_id, provider, model
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods),
        )
        rows = cursor.fetchall()
    counts = Counts({}, {}, {}, {}, has_exchange_rates=any(row[-1] for row in rows))
    for scope_id, provider, model, *numbers, _has_rates in rows:
        if not provider and not model:
            counts.tasks[scope_id] = numbers[:4]
            continue
        for sums, pair in ((counts.requests, numbers[4:6]), (counts.unpriced, numbers[6:8])):
            known = sums.get(scope_id, (0, 0))
            sums[scope_id] = (known[0] + pair[0], known[1] + pair[1])
        counts.requests_of.setdefault(scope_id, {})[provider, model] = (numbers[4], numbers[5])
    return counts
