"""Seconds to compute the variance of every scope of an organisation, month against month.

    python -m bench.variance [--scopes 1000] [--models 10] [--days 61]

A scratch database is made on the server DATABASE_URL names and dropped afterwards. Every scope uses every model every
day, of which three meters are charged. Target: 5 s for 1,000 scopes with 10 models.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, date, datetime, timedelta

from bench.scratch import scratch_database

FIRST_DAY = date(2026, 9, 1)
USED = """
    INSERT INTO allocation_usageday (scope_id, bucket, provider, model, activity, requests, errors, unpriced_requests,
        input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost,
        last_occurred_at, last_received_at)
    SELECT scope_id, day AT TIME ZONE 'UTC', 'openai', 'model-' || model, 'inference', 50, 1, 0,
        20000 + (scope_id * 7 + model * 13) %% 5000, 5000, 0, 3000 + model, 0, 0, 0.5 + model * 0.1, day, day
    FROM unnest(%(scopes)s::bigint[]) AS scope_id, generate_series(1, %(models)s) AS model,
        generate_series(%(first)s::date, %(first)s::date + %(days)s - 1, interval '1 day') AS day
"""
CHARGED = """
    INSERT INTO allocation_usagecharge (scope_id, day, provider, model, activity, service_tier, price_source,
        price_version, charge_class, meter, list_unit_price, contracted_unit_price, requests, quantity, list_cost,
        contracted_cost, effective_cost, billed_cost)
    SELECT scope_id, day, 'openai', 'model-' || model, 'inference', 'standard', 'genai-prices', '1', '', meter, price,
        price, 50, quantity, quantity * price / 1000000, quantity * price / 1000000, quantity * price / 1000000,
        quantity * price / 1000000
    FROM unnest(%(scopes)s::bigint[]) AS scope_id, generate_series(1, %(models)s) AS model,
        generate_series(%(first)s::date, %(first)s::date + %(days)s - 1, interval '1 day') AS day,
        (VALUES ('input', 2.5, 15000), ('cached_input', 1.25, 5000), ('output', 10, 3000)) AS of (meter, price, base),
        LATERAL (SELECT base + (scope_id * 7 + model * 13 + extract(day FROM day)::int) %% 997 AS quantity) AS used
"""
WORKED = """
    INSERT INTO allocation_taskday (scope_id, day, tasks, first_call_tokens, requests, errors, tokens, cost)
    SELECT scope_id, day, 40, 1000, 490, 10, 25000, 1
    FROM unnest(%(scopes)s::bigint[]) AS scope_id,
        generate_series(%(first)s::date, %(first)s::date + %(days)s - 1, interval '1 day') AS day
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scopes", type=int, default=1000)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--days", type=int, default=61)
    given = parser.parse_args()
    with scratch_database():
        run(given.scopes, given.models, given.days)


def run(scopes: int, models: int, days: int) -> None:
    from django.db import connection

    from allocation.anomalies.operations import detect_anomalies
    from allocation.usage.models import IngestWatermark, UsageCharge
    from allocation.variance import queries
    from allocation.variance.engine.periods import ComparedPeriods, month
    from bench.organisation import Organisation
    from governance.people.rules import Actor

    at = datetime(2026, 11, 1, 1, tzinfo=UTC)
    made = Organisation.create(teams=scopes, at=at)
    began = time.perf_counter()
    given = {"scopes": [team.pk for team in made.teams], "models": models, "first": FIRST_DAY, "days": days}
    with connection.cursor() as cursor:
        for statement in (USED, CHARGED, WORKED):
            cursor.execute(statement, given)
        cursor.execute("ANALYZE")
    IngestWatermark.objects.create(scope=made.root, last_received_at=at)
    print(f"{UsageCharge.objects.count():,} charges in {time.perf_counter() - began:.0f} s", flush=True)
    periods = ComparedPeriods(month(FIRST_DAY), month(FIRST_DAY + timedelta(days=31)))

    def timed(name: str, ask: object) -> None:
        started = time.perf_counter()
        result = ask()  # type: ignore[operator]
        print(f"{name}: {time.perf_counter() - started:.2f} s, {result}", flush=True)

    for _ in range(2):
        timed(
            "all scopes",
            lambda: f"{len(queries.scope_variances(actor=Actor.system(), scope_id=None, periods=periods)):,} scopes",
        )
    timed(
        "the organisation by model",
        lambda: f"{len(queries.scope_variance(scope_id=made.root.pk, periods=periods).variance.models)} models",
    )
    timed(
        "one team by model",
        lambda: f"{len(queries.scope_variance(scope_id=made.teams[0].pk, periods=periods).variance.models)} models",
    )
    timed("anomalies", lambda: detect_anomalies(at=at))


if __name__ == "__main__":
    main()
