"""Adds sums to roll-ups and charge lines, locking rows in the order of their keys."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from django.db import connection

from allocation.prices.engine.rates import nanos_text
from allocation.usage.engine.call_prices import DAY_S, HOUR_S
from allocation.usage.engine.charges import Charges
from allocation.usage.engine.roll_ups import Key, Sums, coarser
from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, HOUR_TABLE, MINUTE_TABLE
from governance.work.operations import number_array, text_array


def add_up(*, write_tasks: Callable[[], None], minutes: dict[Key, Sums], charges: Charges, at: datetime) -> None:
    """Adds to tasks and their days; minutes, hours and days; charge lines: the one order in which their rows are
    locked.
    """
    write_tasks()
    roll_up(minutes, at)
    add_charges(charges)


def roll_up(minutes: dict[Key, Sums], at: datetime) -> None:
    """Adds to minutes, hours and days, in this order. What has no instant of arrival came at `at`."""
    hours = coarser(minutes, HOUR_S)
    days = coarser(hours, DAY_S)
    _add(MINUTE_TABLE, minutes, at)
    _add(HOUR_TABLE, hours, at)
    _add(DAY_TABLE, days, at)


def _add(table: str, totals: dict[Key, Sums], at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} AS known (
                bucket, scope_id, provider, model, activity, requests, errors, unpriced_requests, input_tokens,
                cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost,
                partly_unpriced_requests, unpriced_tokens, tokenless_cost, last_occurred_at, last_received_at
            )
            SELECT to_timestamp(bucket), scope_id, provider, model, activity, requests, errors, unpriced, input, cached,
                written, output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, to_timestamp(last),
                to_timestamp(received)
            FROM unnest(
                %(bucket)s::bigint[], %(scope)s::bigint[], %(provider)s::text[], %(model)s::text[],
                %(activity)s::text[],
                %(requests)s::bigint[], %(errors)s::bigint[], %(unpriced)s::bigint[], %(input)s::bigint[],
                %(cached)s::bigint[], %(written)s::bigint[], %(output)s::bigint[], %(reasoning)s::bigint[],
                %(gpu)s::numeric[], %(cost)s::numeric[], %(partly)s::bigint[],
                %(unpriced_tokens)s::bigint[], %(tokenless)s::numeric[], %(last)s::float8[],
                %(received)s::float8[]
            ) AS new (bucket, scope_id, provider, model, activity, requests, errors, unpriced, input, cached, written,
                output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, last, received)
            ON CONFLICT (bucket, scope_id, provider, model, activity) DO UPDATE SET
                requests = known.requests + EXCLUDED.requests,
                errors = known.errors + EXCLUDED.errors,
                unpriced_requests = known.unpriced_requests + EXCLUDED.unpriced_requests,
                input_tokens = known.input_tokens + EXCLUDED.input_tokens,
                cached_input_tokens = known.cached_input_tokens + EXCLUDED.cached_input_tokens,
                cache_write_tokens = known.cache_write_tokens + EXCLUDED.cache_write_tokens,
                output_tokens = known.output_tokens + EXCLUDED.output_tokens,
                reasoning_tokens = known.reasoning_tokens + EXCLUDED.reasoning_tokens,
                gpu_seconds = known.gpu_seconds + EXCLUDED.gpu_seconds,
                cost = known.cost + EXCLUDED.cost,
                partly_unpriced_requests = known.partly_unpriced_requests + EXCLUDED.partly_unpriced_requests,
                unpriced_tokens = known.unpriced_tokens + EXCLUDED.unpriced_tokens,
                tokenless_cost = known.tokenless_cost + EXCLUDED.tokenless_cost,
                last_occurred_at = GREATEST(known.last_occurred_at, EXCLUDED.last_occurred_at),
                last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)
            """,  # noqa: S608  # our own table name
            _columns(totals, at),
        )


def _columns(totals: dict[Key, Sums], at: datetime) -> dict[str, str]:
    """The statement's parameters: an array for each column, in the order of the keys."""
    at_s = at.timestamp()
    ordered = sorted(totals.items(), key=itemgetter(0))
    keys = [key for key, _ in ordered]
    sums = [total for _, total in ordered]
    return {
        "bucket": number_array(key.start for key in keys),
        "scope": number_array(key.scope_id for key in keys),
        "provider": text_array(key.provider for key in keys),
        "model": text_array(key.model for key in keys),
        "activity": text_array(key.activity for key in keys),
        "requests": number_array(total.requests for total in sums),
        "errors": number_array(total.errors for total in sums),
        "unpriced": number_array(total.unpriced_requests for total in sums),
        "input": number_array(total.input_tokens for total in sums),
        "cached": number_array(total.cached_input_tokens for total in sums),
        "written": number_array(total.cache_write_tokens for total in sums),
        "output": number_array(total.output_tokens for total in sums),
        "reasoning": number_array(total.reasoning_tokens for total in sums),
        "gpu": number_array(total.gpu_seconds for total in sums),
        "cost": number_array(nanos_text(total.cost_nanos) for total in sums),
        "partly": number_array(total.partly_unpriced_requests for total in sums),
        "unpriced_tokens": number_array(total.unpriced_tokens for total in sums),
        "tokenless": number_array(nanos_text(total.tokenless_nanos) for total in sums),
        "last": number_array(total.last_s for total in sums),
        "received": number_array(total.received_s or at_s for total in sums),
    }


_NO_PRICE = Decimal(-1)


def add_charges(charges: Charges) -> None:
    """Adds to the charge lines of the days."""
    # Sorts a missing price before all others, since None cannot be compared with numbers.
    ordered = sorted(
        charges.items(),
        key=lambda item: tuple(_NO_PRICE if part is None else part for part in item[0][1:]) + item[0][:1],
    )
    if not ordered:
        return
    keys = [key for key, _ in ordered]
    sums = [total for _, total in ordered]
    columns = (
        number_array(key.day for key in keys),
        number_array(key.scope_id for key in keys),
        *(text_array(each) for each in zip(*(key[2:10] for key in keys), strict=True)),
        number_array(None if key.list_unit_price is None else f"{key.list_unit_price:f}" for key in keys),
        number_array(None if key.contracted_unit_price is None else f"{key.contracted_unit_price:f}" for key in keys),
        number_array(total.requests for total in sums),
        number_array(f"{total.quantity:f}" for total in sums),
        number_array(nanos_text(total.list_nanos) for total in sums),
        number_array(nanos_text(total.contracted_nanos) for total in sums),
        number_array(nanos_text(total.effective_nanos) for total in sums),
        number_array(nanos_text(total.billed_nanos) for total in sums),
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
                requests = known.requests + EXCLUDED.requests,
                quantity = known.quantity + EXCLUDED.quantity,
                list_cost = known.list_cost + EXCLUDED.list_cost,
                contracted_cost = known.contracted_cost + EXCLUDED.contracted_cost,
                effective_cost = known.effective_cost + EXCLUDED.effective_cost,
                billed_cost = known.billed_cost + EXCLUDED.billed_cost
            """,  # noqa: S608  # our own table name
            columns,
        )
