"""Usage of past days, written by SQL as the ingest path would have: records and what is summed of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bench.calls import MODELS
from governance.calendar.engine import DAY, day_of, days_from, midnight

RECORDS = """
    INSERT INTO allocation_usagerecord (id, occurred_at, received_at, scope_id, source, event_id, provider, model,
        operation, service_tier, status, task_id, session_id, attribution, price_source, price_version, attributes,
        input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, gpu_seconds,
        latency_ms, cost, quantities, is_estimated, list_cost)
    SELECT md5('past' || n)::uuid, at, at + interval '2 seconds', (%(scopes)s::bigint[])[1 + team], 'gateway',
        'past-' || n, provider, model, operation, tier, CASE WHEN is_failed THEN 'error' ELSE 'success' END,
        'past-task-' || task, 'past-session-' || task / 3, 'explicit',
        CASE WHEN is_free THEN 'none' ELSE 'genai-prices' END, CASE WHEN is_free THEN '' ELSE '0.0.47' END,
        jsonb_build_object('team', 'team-' || team, 'end_user', 'user-' || task %% 3000, 'tag.env', 'prod'),
        given, cached, 0, answered, 0, 1, 0, 300 + h1 %% 3000,
        CASE WHEN NOT is_free THEN round(price * (given - cached * 0.5 + answered * 4) / 1000000, 9) END, '{}', false,
        CASE WHEN NOT is_free THEN round(price * (given - cached * 0.5 + answered * 4) / 1000000, 9) END
    FROM (
        SELECT *, h1 %% 100 < 2 AS is_failed, h1 %% 100 < 2 OR price = 0 AS is_free,
            (CASE WHEN h1 %% 10 < 4 THEN given * (h1 %% 90) / 100 ELSE 0 END)::bigint AS cached
        FROM (
            SELECT n, n / 4 AS task, h1, h2, (abs(hashint8(n / 4))::bigint %% %(teams)s)::int AS team,
                %(day)s::timestamptz + (n - %(first)s) * %(step)s::interval AS at,
                200 + h1 %% 6000 AS given, 50 + h2 %% 900 AS answered,
                CASE WHEN h2 %% 10 < 8 THEN 'standard' ELSE 'batch' END AS tier,
                (%(places)s::int[])[1 + h2 %% cardinality(%(places)s::int[])] AS place
            FROM generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) AS n,
                LATERAL (SELECT abs(hashint8(n))::bigint AS h1, abs(hashint8(n * 7 + 1))::bigint AS h2) AS mixed
        ) AS drawn
        CROSS JOIN LATERAL (
            SELECT (%(providers)s::text[])[place] AS provider, (%(models)s::text[])[place] AS model,
                (%(operations)s::text[])[place] AS operation,
                CASE WHEN place = cardinality(%(models)s::text[]) THEN 0 ELSE 0.25 * place END AS price
        ) AS named
    ) AS made
"""
_MEASURES = (
    "requests, errors, unpriced_requests, partly_unpriced_requests, unpriced_tokens, tokenless_cost, input_tokens,"
    " cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost"
)
MINUTES = f"""
    INSERT INTO allocation_usageminute (bucket, scope_id, provider, model, activity, {_MEASURES}, last_occurred_at,
        last_received_at)
    SELECT date_trunc('minute', occurred_at, 'UTC'), scope_id, provider, model,
        CASE operation WHEN 'embeddings' THEN 'retrieval' WHEN 'rerank' THEN 'retrieval' ELSE 'inference' END,
        count(*), count(*) FILTER (WHERE status = 'error'),
        count(*) FILTER (WHERE cost IS NULL AND status <> 'error'), 0,
        coalesce(sum(input_tokens + output_tokens) FILTER (WHERE cost IS NULL AND status <> 'error'), 0), 0,
        sum(input_tokens), sum(cached_input_tokens), 0, sum(output_tokens), 0, 0, coalesce(sum(cost), 0),
        max(occurred_at), max(received_at)
    FROM allocation_usagerecord WHERE occurred_at >= %(day)s AND occurred_at < %(end)s
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
# Sums of sums, by hour from minutes and by day from hours.
COARSER = """
    INSERT INTO {coarse} ({keys}, {measures}, last_occurred_at, last_received_at)
    SELECT date_trunc('{unit}', bucket, 'UTC') AS bucket, {rest}, {sums}, max(last_occurred_at), max(last_received_at)
    FROM {fine} WHERE bucket >= %(day)s AND bucket < %(end)s GROUP BY {places} ORDER BY {places}
"""
SCOPE_DAYS = """
    INSERT INTO allocation_usagescopeday (bucket, scope_id, activity, requests, errors, unpriced_requests,
        partly_unpriced_requests, unpriced_tokens, input_tokens, cached_input_tokens, output_tokens, gpu_seconds, cost,
        tokenless_cost)
    SELECT bucket, scope_id, activity, sum(requests), sum(errors), sum(unpriced_requests),
        sum(partly_unpriced_requests), sum(unpriced_tokens), sum(input_tokens), sum(cached_input_tokens),
        sum(output_tokens), sum(gpu_seconds), sum(cost), sum(tokenless_cost)
    FROM allocation_usageday WHERE bucket = %(day)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
CHARGES = """
    INSERT INTO allocation_usagecharge (day, scope_id, provider, model, activity, service_tier, price_source,
        price_version, charge_class, meter, list_unit_price, contracted_unit_price, requests, quantity, list_cost,
        contracted_cost, effective_cost, billed_cost)
    SELECT day, scope_id, provider, model, activity, service_tier, price_source, price_version, '', meter,
        price, price, calls, quantity, share, share, share, share
    FROM (
        SELECT %(day)s::date AS day, scope_id, provider, model,
            CASE operation WHEN 'embeddings' THEN 'retrieval' WHEN 'rerank' THEN 'retrieval' ELSE 'inference' END
                AS activity,
            service_tier, price_source, price_version, count(*) AS calls,
            sum(input_tokens - cached_input_tokens) AS fresh,
            sum(cached_input_tokens) AS cached, sum(output_tokens) AS answered, coalesce(sum(cost), 0) AS cost
        FROM allocation_usagerecord
        WHERE occurred_at >= %(day)s AND occurred_at < %(end)s AND status <> 'error'
        GROUP BY 2, 3, 4, 5, 6, 7, 8
    ) AS used
    CROSS JOIN LATERAL (VALUES ('input', fresh, 0.3), ('cached_input', cached, 0.1), ('output', answered, 0.6))
        AS of (meter, quantity, part)
    CROSS JOIN LATERAL (SELECT round(cost * part, 9) AS share, CASE WHEN cost > 0 THEN 2.5 END AS price) AS priced
    WHERE quantity > 0
"""
TASKS = """
    WITH made AS (
        INSERT INTO allocation_task (organisation_id, task_id, scope_id, began_on, first_occurred_at, first_record_id,
            first_call_tokens, last_occurred_at, requests, errors, tokens, cost)
        SELECT %(root)s, task_id, min(scope_id), %(day)s::date, min(occurred_at), min(id::text)::uuid,
            min(input_tokens + output_tokens), max(occurred_at), count(*), count(*) FILTER (WHERE status = 'error'),
            sum(input_tokens + output_tokens), coalesce(sum(cost), 0)
        FROM allocation_usagerecord WHERE occurred_at >= %(day)s AND occurred_at < %(end)s GROUP BY task_id
        ON CONFLICT DO NOTHING
        RETURNING scope_id, first_call_tokens, requests, errors, tokens, cost
    )
    INSERT INTO allocation_taskday (scope_id, day, tasks, first_call_tokens, requests, errors, tokens, cost)
    SELECT scope_id, %(day)s::date, count(*), sum(first_call_tokens), sum(requests), sum(errors), sum(tokens), sum(cost)
    FROM made GROUP BY scope_id
"""


def _coarser(coarse: str, fine: str, unit: str) -> str:
    keys = ("bucket", "scope_id", "provider", "model", "activity")
    return COARSER.format(
        coarse=coarse, fine=fine, unit=unit, keys=", ".join(keys), measures=_MEASURES, rest=", ".join(keys[1:]),
        sums=", ".join(f"sum({name})" for name in _MEASURES.split(", ")), places="1, 2, 3, 4, 5",
    )  # fmt: skip


def write_past(*, root_id: int, scope_ids: Sequence[int], records: int, days: int, until: datetime) -> None:
    """`records` calls of the scopes, spread evenly over the `days` whole UTC days before that of `until`."""
    from django.db import connection

    from allocation.meters.engine.months import Month
    from allocation.usage.operations.partitions import ensure_partitions

    last = day_of(until)
    chosen = list(days_from(last - timedelta(days=days), last))
    ensure_partitions({Month.of(day) for day in chosen})
    places = [number for number, model in enumerate(MODELS, 1) for _ in range(model[-1])]
    statements = (
        RECORDS,
        MINUTES,
        _coarser("allocation_usagehour", "allocation_usageminute", "hour"),
        _coarser("allocation_usageday", "allocation_usagehour", "day"),
        SCOPE_DAYS,
        CHARGES,
        TASKS,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    written = 0
    for number, day in enumerate(chosen, 1):
        count = records * number // days - written
        given = {
            "day": midnight(day), "end": midnight(day + DAY), "root": root_id, "scopes": list(scope_ids),
            "teams": len(scope_ids), "first": written, "count": count, "step": DAY / count, "places": places,
            "providers": [model[0] for model in MODELS], "models": [model[1] for model in MODELS],
            "operations": [model[2] for model in MODELS],
        }  # fmt: skip
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, given)
        written += count
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")
