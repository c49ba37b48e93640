"""Adds sums to roll-ups and charge lines, locking rows in the order of their keys."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection

from allocation.prices.engine.rates import nanos_text
from allocation.usage.engine.call_prices import DAY_S, HOUR_S
from allocation.usage.engine.charges import Charges
from allocation.usage.engine.roll_ups import Key, Sums, coarser
from allocation.usage.models import CHARGE_TABLE, DAY_TABLE, HOUR_TABLE, MINUTE_TABLE


def roll_up(minutes: dict[Key, Sums], at: datetime) -> dict[Key, Sums]:
    """Adds to minutes, hours and days, in this order. Returns the days' sums."""
    hours = coarser(minutes, HOUR_S)
    days = coarser(hours, DAY_S)
    _add(MINUTE_TABLE, minutes, at)
    _add(HOUR_TABLE, hours, at)
    _add(DAY_TABLE, days, at)
    return days


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
                written, output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, to_timestamp(last), %(at)s
            FROM unnest(
                %(bucket)s::bigint[], %(scope)s::bigint[], %(provider)s::text[], %(model)s::text[],
                %(activity)s::text[],
                %(requests)s::bigint[], %(errors)s::bigint[], %(unpriced)s::bigint[], %(input)s::bigint[],
                %(cached)s::bigint[], %(written)s::bigint[], %(output)s::bigint[], %(reasoning)s::bigint[],
                %(gpu)s::numeric[], %(cost)s::numeric[], %(partly)s::bigint[],
                %(unpriced_tokens)s::bigint[], %(tokenless)s::numeric[], %(last)s::float8[]
            ) AS new (bucket, scope_id, provider, model, activity, requests, errors, unpriced, input, cached, written,
                output, reasoning, gpu, cost, partly, unpriced_tokens, tokenless, last)
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


def _columns(totals: dict[Key, Sums], at: datetime) -> dict[str, Any]:
    """The statement's parameters: one list for each column, in the order of the keys."""
    ordered = sorted(totals.items(), key=lambda item: item[0])
    keys = [key for key, _ in ordered]
    sums = [total for _, total in ordered]
    return {
        "at": at,
        "bucket": [key.start for key in keys],
        "scope": [key.scope_id for key in keys],
        "provider": [key.provider for key in keys],
        "model": [key.model for key in keys],
        "activity": [key.activity for key in keys],
        "requests": [total.requests for total in sums],
        "errors": [total.errors for total in sums],
        "unpriced": [total.unpriced_requests for total in sums],
        "input": [total.input_tokens for total in sums],
        "cached": [total.cached_input_tokens for total in sums],
        "written": [total.cache_write_tokens for total in sums],
        "output": [total.output_tokens for total in sums],
        "reasoning": [total.reasoning_tokens for total in sums],
        "gpu": [total.gpu_seconds for total in sums],
        "cost": [nanos_text(total.cost_nanos) for total in sums],
        "partly": [total.partly_unpriced_requests for total in sums],
        "unpriced_tokens": [total.unpriced_tokens for total in sums],
        "tokenless": [nanos_text(total.tokenless_nanos) for total in sums],
        "last": [total.last_s for total in sums],
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
    rows = [
        (
            *key[:10],
            None if key.list_unit_price is None else f"{key.list_unit_price:f}",
            None if key.contracted_unit_price is None else f"{key.contracted_unit_price:f}",
            sums.requests,
            f"{sums.quantity:f}",
            nanos_text(sums.list_nanos),
            nanos_text(sums.contracted_nanos),
            nanos_text(sums.effective_nanos),
            nanos_text(sums.billed_nanos),
        )
        for key, sums in ordered
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {CHARGE_TABLE} AS known (
                day, scope_id, provider, model, activity, service_tier, price_source, price_version, charge_class,
                meter, list_unit_price, contracted_unit_price, requests, quantity, list_cost, contracted_cost,
                effective_cost, billed_cost
            )
            SELECT (row->>0)::date, (row->>1)::bigint, row->>2, row->>3, row->>4, row->>5, row->>6, row->>7, row->>8,
                row->>9, (row->>10)::numeric, (row->>11)::numeric, (row->>12)::bigint, (row->>13)::numeric,
                (row->>14)::numeric, (row->>15)::numeric, (row->>16)::numeric, (row->>17)::numeric
            FROM json_array_elements(%s) AS row
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
            [orjson.dumps(rows).decode()],
        )
