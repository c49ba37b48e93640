"""Adds sums to roll-ups and charge lines, locking rows in the order of their keys."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from django.db import connection

from allocation.prices.engine.rates import nanos_text
from allocation.usage.engine.call_prices import DAY_S, HOUR_S
from allocation.usage.engine.charges import Charges
from allocation.usage.engine.counted import Counted
from allocation.usage.engine.roll_ups import Key, Sums, coarser, over_models
from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, HOUR_TABLE, MINUTE_TABLE
from allocation.usage.operations.calls import COLUMNS, PLUS, roll_up_calls
from allocation.usage.operations.months import forget_months
from allocation.usage.operations.scope_days import add_scope_days
from governance.work.operations import added, nullable_array, number_array, text_array


def add_up(
    *,
    write_tasks: Callable[[], None],
    minutes: dict[Key, Sums] | None = None,
    calls: Sequence[Counted] = (),
    charges: Charges,
    at: datetime,
) -> None:
    """Adds to tasks and their days; minutes, hours, days and days of scopes; charge lines: the one order in which their
    rows are locked. Roll-ups gain sums by minute, or calls.
    """
    write_tasks()
    if minutes is not None:
        roll_up(minutes, at)
    roll_up_calls(calls, at)
    add_charges(charges)


def roll_up(minutes: dict[Key, Sums], at: datetime) -> None:
    """Adds to minutes, hours, days and days of scopes, in this order. What has no instant of arrival came at `at`."""
    hours = coarser(minutes, HOUR_S)
    days = coarser(hours, DAY_S)
    _add(MINUTE_TABLE, minutes, at)
    _add(HOUR_TABLE, hours, at)
    _add(DAY_TABLE, days, at)
    add_scope_days(over_models(days))


def _add(table: str, totals: dict[Key, Sums], at: datetime) -> None:
    if not totals:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} AS known ({COLUMNS})
            SELECT to_timestamp(bucket), scope_id, provider, model, activity, requests, errors, unpriced, input, cached,
                written, output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, to_timestamp(last),
                to_timestamp(received)
            FROM unnest(
                %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[],
                %s::numeric[], %s::bigint[], %s::bigint[], %s::numeric[], %s::float8[], %s::float8[]
            ) AS new (bucket, scope_id, provider, model, activity, requests, errors, unpriced, input, cached, written,
                output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, last, received)
            {PLUS}
            """,  # noqa: S608  # our own names
            _columns(totals, at),
        )


_MEASURES = attrgetter(
    "requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "gpu_seconds", "cost_nanos", "partly_unpriced_requests", "unpriced_tokens",
    "tokenless_nanos", "last_s", "received_s",
)  # fmt: skip


def _columns(totals: dict[Key, Sums], at: datetime) -> tuple[str, ...]:
    """The statement's parameters: an array for each column, in the order of the keys."""
    ordered = sorted(totals)
    starts, scopes, *named = zip(*ordered, strict=True)
    measures = list(zip(*map(_MEASURES, map(totals.__getitem__, ordered)), strict=True))
    for money in (9, 12):
        measures[money] = tuple(map(nanos_text, measures[money]))
    at_s = at.timestamp()
    measures[14] = tuple(received_s or at_s for received_s in measures[14])
    return (number_array(starts), number_array(scopes), *map(text_array, named), *map(number_array, measures))


_NO_PRICE = Decimal(-1)


_ADDED = added("requests", "quantity", "list_cost", "contracted_cost", "effective_cost", "billed_cost")


def add_charges(charges: Charges) -> None:
    """Adds to the charge lines of the days."""
    # Sorts a missing price before all others, since None cannot be compared with numbers.
    ordered = sorted(
        charges.items(),
        key=lambda item: tuple(_NO_PRICE if part is None else part for part in item[0][1:]) + item[0][:1],
    )
    if not ordered:
        return
    days, scopes, *named, listed, contracted = zip(*(key for key, _ in ordered), strict=True)
    sums = [total for _, total in ordered]
    columns = (
        number_array(days),
        number_array(scopes),
        *map(text_array, named),
        nullable_array(None if price is None else f"{price:f}" for price in listed),
        nullable_array(None if price is None else f"{price:f}" for price in contracted),
        number_array([total.requests for total in sums]),
        number_array([f"{total.quantity:f}" for total in sums]),
        number_array([nanos_text(total.list_nanos) for total in sums]),
        number_array([nanos_text(total.contracted_nanos) for total in sums]),
        number_array([nanos_text(total.effective_nanos) for total in sums]),
        number_array([nanos_text(total.billed_nanos) for total in sums]),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {CHARGE_TABLE} AS known (
                day, scope_id, provider, model, activity, service_tier, price_source, price_version, charge_class,
                meter, list_unit_price, contracted_unit_price, requests, quantity, list_cost, contracted_cost,
                effective_cost, billed_cost
            )
            SELECT * FROM unnest(
                %s::date[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::bigint[], %s::numeric[], %s::numeric[],
                %s::numeric[], %s::numeric[], %s::numeric[]
            )
            ON CONFLICT (
                scope_id, day, provider, model, activity, service_tier, price_source, price_version, charge_class,
                meter, list_unit_price, contracted_unit_price
            ) DO UPDATE SET
                {_ADDED}
            """,  # noqa: S608  # our own table name
            columns,
        )
    forget_months(days)
