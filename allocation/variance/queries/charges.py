"""What was charged and done in two periods, by scope, model and kind of use."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from allocation.usage.models import SUMMED_MONTH_TABLE, TASK_DAY_TABLE, ChargeClass
from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.figures import GPU_HOUR, PARTS, REQUEST, TOKEN, UsageLine
from allocation.variance.engine.periods import ComparedPeriods
from allocation.variance.queries.lines import Summed

ADJUSTMENT = "adjustment"
CORRECTION = ChargeClass.CORRECTION.value
UNPRICED = "unpriced"
BILLED = "billed"
# Prefix of the kind of a line that was billed without a known price; the meter follows.
BILLED_METER = f"{BILLED} "
UNIT_OF_METER = {REQUEST: REQUEST, GPU_HOUR: GPU_HOUR, ADJUSTMENT: ""}
NANO_PLACES = 9
EXCHANGE_TABLE = "allocation_exchangerate"
# With less memory PostgreSQL sorts every row of so many scopes on disk before it sums them: twice the processor time.
MANY_SCOPES = 100
SUMS_MEMORY = "64MB"
Pair = tuple[int, int]
NOT_FOREIGN: Pair = (0, 0)


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


# The edges of the two periods, as dates and as the instants at which those begin.
_DATES = ("before_from", "before_to", "after_from", "after_to")


def _parameters(scope_ids: Sequence[int], periods: ComparedPeriods) -> dict[str, Any]:
    edges = (periods.before.since, periods.before.until, periods.after.since, periods.after.until)
    instants = (datetime(edge.year, edge.month, edge.day, tzinfo=UTC) for edge in edges)
    return {
        "scopes": list(scope_ids),
        **dict(zip(_DATES, edges, strict=True)),
        **{f"{name}_instant": instant for name, instant in zip(_DATES, instants, strict=True)},
    }


@dataclass(frozen=True, slots=True)
class _Days:
    """Conditions on a column of days or of instants: what is in either period, and of that what is in each of them. As
    few comparisons as say it: they are made for every row. Periods may overlap, so a day may count in both.
    """

    in_either: str
    filters: tuple[str, str]

    def both(self, column: str) -> str:
        return ", ".join(f"coalesce(sum({column}) {period}, 0)" for period in self.filters)


def _days(periods: ComparedPeriods, column: str = "day", suffix: str = "") -> _Days:
    before, after = periods.before, periods.after
    first, last = min(before.since, after.since), max(before.until, after.until)
    sides = (("before", before), ("after", after))
    since, until = (
        {name: f"{column} {sign} %({name}_{edge}{suffix})s" for name, _period in sides}
        for sign, edge in ((">=", "from"), ("<", "to"))
    )
    if max(before.since, after.since) <= min(before.until, after.until):
        begins_first = "before" if before.since == first else "after"
        ends_last = "before" if before.until == last else "after"
        in_either = f"{since[begins_first]} AND {until[ends_last]}"
    else:
        in_either = f"({' OR '.join(f'{since[name]} AND {until[name]}' for name, _period in sides)})"
    filters = []
    for name, period in sides:
        told = [since[name]] if period.since != first else []
        told += [until[name]] if period.until != last else []
        filters.append(f"FILTER (WHERE {' AND '.join(told)})" if told else "")
    return _Days(f"{in_either} AND scope_id = ANY(%(scopes)s::bigint[])", (filters[0], filters[1]))


# The price's currency and rate, such as `USD 0.92 2026-10-01` or `USD /1.08 2026-10-01`, end the version of a price
# that was converted.
_CONVERTED = "price_version ~ '[A-Z]{3} /?[0-9.]+ [0-9]{4}-[0-9]{2}-[0-9]{2}$'"
_CURRENCY = "split_part(price_version, ' ', -3)"
_RATE = "split_part(price_version, ' ', -2)"
_IN_ITS_CURRENCY = f"""CASE WHEN {_CONVERTED} THEN CASE WHEN {_RATE} LIKE '/%%'
    THEN effective_cost * substr({_RATE}, 2)::numeric ELSE effective_cost / {_RATE}::numeric END END"""
_IN_ONE_CURRENCY = f"bool_and({_CONVERTED}) AND min({_CURRENCY}) = max({_CURRENCY})"


def _foreign(days: _Days) -> str:
    return ", ".join(
        f"CASE WHEN {_IN_ONE_CURRENCY} THEN coalesce(sum({_IN_ITS_CURRENCY}) {period}, 0) END"
        for period in days.filters
    )


_BILLED = (
    f"NOT has_price AND price_source NOT IN ('none', 'response_cache') AND meter <> '{ADJUSTMENT}'"
    f" AND charge_class <> '{CORRECTION}'"
)


@contextmanager
def _summing(scope_ids: Sequence[int], periods: ComparedPeriods) -> Iterator[tuple[CursorWrapper, Summed]]:
    """A cursor whose statements may hold the sums of that many scopes in memory, and what of it is summed by month."""
    if len(scope_ids) < MANY_SCOPES:
        with connection.cursor() as cursor:
            yield cursor, Summed.of(periods, ())
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT set_config('work_mem', %s, true), ARRAY(SELECT month FROM {SUMMED_MONTH_TABLE})",  # noqa: S608  # our own name
            [SUMS_MEMORY],
        )
        (_set, months) = cursor.fetchone()
        yield cursor, Summed.of(periods, months)


def charges_of(scope_ids: Sequence[int], periods: ComparedPeriods, *, with_exchange: bool) -> Iterable[ChargeSum]:
    days = _days(periods)
    foreign = _foreign(days) if with_exchange else "NULL, NULL"
    with _summing(scope_ids, periods) as (cursor, summed):
        # What is true or false of a row is grouped apart: of a CASE over amounts PostgreSQL expects as many groups as
        # there are amounts, and then does without parallel workers.
        cursor.execute(
            f"""
            SELECT scope_id, provider, model,
                CASE
                    WHEN meter = '{ADJUSTMENT}' OR charge_class = '{CORRECTION}' THEN '{ADJUSTMENT}'
                    WHEN price_source = 'none' THEN CASE WHEN meter IN ('{REQUEST}', '{GPU_HOUR}') THEN NULL
                        ELSE '{UNPRICED}' END
                    WHEN price_source = 'response_cache' THEN CASE WHEN meter IN ('{REQUEST}', '{GPU_HOUR}') THEN NULL
                        ELSE price_source END
                    ELSE meter
                END AS kind,
                {_BILLED} AS is_billed,
                {_BILLED} AND NOT has_cost
                    AND (price_source = 'genai-prices' OR price_source LIKE 'pricebook:%%') AS is_free_in_a_book,
                {days.both("quantity")}, {days.both("effective_cost")}, {foreign}
            FROM ({summed.charges(days.in_either)}) AS line
            GROUP BY 1, 2, 3, 4, 5, 6
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods) | summed.parameters,
        )
        return list(_charge_sums(cursor))


def _charge_sums(rows: Iterable[Sequence[Any]]) -> Iterable[ChargeSum]:
    for scope_id, provider, model, meter, is_billed, is_free_in_a_book, before, after, *costs in rows:
        if meter is None or (is_free_in_a_book and meter in {REQUEST, GPU_HOUR}):
            continue
        kind = UNPRICED if is_free_in_a_book else f"{BILLED_METER}{meter}" if is_billed else meter
        # What is booked for closed months is money of these periods, and no use of theirs.
        part = 0 if kind == ADJUSTMENT else PARTS.get(_unit(kind), 1)
        own, foreign = costs[:2], costs[2:]
        yield ChargeSum(
            scope_id,
            provider,
            model,
            kind,
            (int(before * part), int(after * part)),
            (_nanos(own[0]), _nanos(own[1])),
            NOT_FOREIGN if foreign[0] is None else (_nanos(foreign[0]), _nanos(foreign[1])),
        )


def _nanos(amount: Decimal) -> int:
    return round(amount.scaleb(NANO_PLACES))


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
    days, instants = _days(periods), _days(periods, "bucket", "_instant")
    with _summing(scope_ids, periods) as (cursor, summed_by_month):
        cursor.execute(
            f"""
            SELECT scope_id, provider, model, {instants.both("requests")},
                {instants.both("unpriced_requests")}, false, (SELECT EXISTS (SELECT FROM {EXCHANGE_TABLE}))
            FROM ({summed_by_month.calls(instants.in_either)}) AS call
            GROUP BY scope_id, provider, model
            UNION ALL
            SELECT scope_id, '', '', {days.both("tasks")}, {days.both("requests - errors")}, true,
                (SELECT EXISTS (SELECT FROM {EXCHANGE_TABLE}))
            FROM {TASK_DAY_TABLE}
            WHERE {days.in_either}
            GROUP BY scope_id
            """,  # noqa: S608  # our own names and constants
            _parameters(scope_ids, periods) | summed_by_month.parameters,
        )
        rows = cursor.fetchall()
    counts = Counts({}, {}, {}, {}, has_exchange_rates=any(row[-1] for row in rows))
    for scope_id, provider, model, *summed, of_tasks, _has_rates in rows:
        numbers = [int(number) for number in summed]
        if of_tasks:
            counts.tasks[scope_id] = numbers
            continue
        for sums, pair in ((counts.requests, numbers[:2]), (counts.unpriced, numbers[2:])):
            known = sums.get(scope_id, (0, 0))
            sums[scope_id] = (known[0] + pair[0], known[1] + pair[1])
        counts.requests_of.setdefault(scope_id, {})[provider, model] = (numbers[0], numbers[1])
    return counts
