"""Adds counted calls to minutes, hours, days and days of scopes by one statement, which sums them too."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from allocation.usage.engine.columns import columns_of
from allocation.usage.engine.counted import Counted
from allocation.usage.models import DAY_TABLE, HOUR_TABLE, MINUTE_TABLE, SCOPE_DAY_TABLE
from allocation.usage.operations import scope_days
from governance.work.operations import added, text_array

# In the order of a roll-up's sums.
COLUMNS = """bucket, scope_id, provider, model, activity, requests, errors, unpriced_requests, input_tokens,
    cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost,
    partly_unpriced_requests, unpriced_tokens, tokenless_cost, last_occurred_at, last_received_at"""
_ADDED = added(
    "requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "gpu_seconds", "cost", "partly_unpriced_requests", "unpriced_tokens",
    "tokenless_cost",
)  # fmt: skip
# What an insertion into a roll-up that is `known` does where the key is there.
PLUS = f"""ON CONFLICT (bucket, scope_id, provider, model, activity) DO UPDATE SET {_ADDED},
    last_occurred_at = GREATEST(known.last_occurred_at, EXCLUDED.last_occurred_at),
    last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)"""

_CALLS = """
    SELECT floor(booked / 60)::bigint * 60 AS bucket, scope_id, name, requests, input, output, cost,
        coalesce(cached, 0) AS cached, coalesce(written, 0) AS written, coalesce(reasoning, 0) AS reasoning, gpu,
        CASE WHEN cost IS NULL AND failed THEN requests ELSE 0 END AS errors,
        CASE WHEN cost IS NULL AND failed IS NOT TRUE THEN requests ELSE 0 END AS unpriced,
        CASE WHEN cost IS NOT NULL AND partly THEN requests ELSE 0 END AS partly,
        CASE WHEN cost IS NOT NULL THEN coalesce(without_price, 0)
            WHEN failed IS NOT TRUE THEN input + output ELSE 0 END AS unpriced_tokens,
        CASE WHEN coalesce(without_price, 0) = input + output THEN cost END AS tokenless,
        occurred, CASE received WHEN 0 THEN %s ELSE received END AS received
    FROM unnest(
        %s::float8[], %s::bigint[], %s::bigint[], %s::bigint[], %s::boolean[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::boolean[], %s::bigint[],
        %s::float8[], %s::float8[]
    ) AS call (booked, scope_id, name, requests, failed, input, cached, written, output, reasoning, gpu, cost, partly,
        without_price, occurred, received)
"""


def _summed(source: str, seconds: int) -> str:
    """By bucket, scope and name."""
    counts = (
        "requests", "errors", "unpriced", "input", "cached", "written", "output", "reasoning", "partly",
        "unpriced_tokens",
    )  # fmt: skip
    return f"""
        SELECT bucket / {seconds} * {seconds} AS bucket, scope_id, name,
            {", ".join(f"sum({count})::bigint AS {count}" for count in counts)},
            sum(gpu) AS gpu, sum(cost) AS cost, sum(tokenless) AS tokenless, max(occurred) AS occurred,
            max(received) AS received
        FROM {source} GROUP BY 1, 2, 3
    """  # noqa: S608  # our own names


def _added(table: str, source: str, after: str) -> str:
    """After the insertion `after` is done: what a statement inserts into several tables has no order of its own."""
    return f"""
        INSERT INTO {table} AS known ({COLUMNS})
        SELECT to_timestamp(bucket), scope_id, provider, model, activity, requests, errors, unpriced, input, cached,
            written, output, reasoning, coalesce(gpu, 0), coalesce(cost, 0) * 0.000000001, partly, unpriced_tokens,
            coalesce(tokenless, 0) * 0.000000001, to_timestamp(occurred), to_timestamp(received)
        FROM {source} JOIN named USING (name) {f"WHERE (SELECT count(*) FROM {after}) >= 0" if after else ""}
        ORDER BY bucket, scope_id, name
        {PLUS} RETURNING 1
    """  # noqa: S608  # our own names


_SCOPE_DAYS = f"""
    INSERT INTO {SCOPE_DAY_TABLE} AS known ({scope_days.COLUMNS})
    SELECT to_timestamp(bucket), scope_id, activity, sum(requests), sum(errors), sum(unpriced), sum(partly),
        sum(unpriced_tokens), sum(input), sum(cached), sum(output), coalesce(sum(gpu), 0),
        coalesce(sum(cost), 0) * 0.000000001, coalesce(sum(tokenless), 0) * 0.000000001
    FROM days JOIN named USING (name) WHERE (SELECT count(*) FROM days_added) >= 0
    GROUP BY bucket, scope_id, activity ORDER BY bucket, scope_id, activity COLLATE "C"
    {scope_days.PLUS} RETURNING 1
"""  # noqa: S608  # our own names
_ADD = f"""
WITH named AS MATERIALIZED (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS n (provider, model, activity, name)
),
calls AS MATERIALIZED ({_CALLS}),
minutes AS MATERIALIZED ({_summed("calls", 60)}),
hours AS MATERIALIZED ({_summed("minutes", 3600)}),
days AS MATERIALIZED ({_summed("hours", 86_400)}),
minutes_added AS ({_added(MINUTE_TABLE, "minutes", "")}),
hours_added AS ({_added(HOUR_TABLE, "hours", "minutes_added")}),
days_added AS ({_added(DAY_TABLE, "days", "hours_added")}),
scope_days_added AS ({_SCOPE_DAYS})
SELECT count(*) FROM scope_days_added
"""  # noqa: S608  # our own names


def roll_up_calls(batches: Iterable[Counted], at: datetime) -> None:
    """Adds to minutes, hours, days and days of scopes, in this order. What has no instant of arrival came at `at`."""
    names, columns = columns_of(batches)
    if not names:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [*map(text_array, zip(*names, strict=True)), at.timestamp(), *columns])
