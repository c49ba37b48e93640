"""Milliseconds for the unit economics of one scope over twelve months, from roll-ups of 50 million calls.

    python -m bench.unit_economics [--teams 8] [--below 4] [--plan]

A scratch database is made on the server DATABASE_URL names and dropped afterwards. The roll-ups are written directly:
40 scopes × 365 days × 5 models, of which some also retrieve and orchestrate, with tasks and outcomes. Target: 200 ms
for the organisation and for a team alike.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta

from bench.scratch import scratch_database
from governance.calendar.engine import midnight

DAYS = 365
FILL = """
INSERT INTO allocation_usageday (bucket, scope_id, provider, model, activity, requests, errors, unpriced_requests,
    input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, gpu_seconds, cost,
    last_occurred_at, last_received_at)
SELECT (day AT TIME ZONE 'UTC'), scope, 'openai', 'model-' || model, activity, calls, calls / 100, 0, calls * 3000,
    calls * 1200, 0, calls * 400, 0, CASE WHEN model = 5 THEN calls * 0.25 ELSE 0 END,
    (calls * 0.0041234567)::numeric(24, 9), day, day
FROM generate_series(%(since)s::timestamp, %(until)s::timestamp, '1 day') AS day
CROSS JOIN unnest(%(scopes)s::bigint[]) AS scope
CROSS JOIN generate_series(1, 5) AS model
CROSS JOIN LATERAL unnest(CASE WHEN model < 4 THEN ARRAY['inference'] ELSE ARRAY['inference', 'retrieval',
    'orchestration'] END) AS activity
CROSS JOIN LATERAL (SELECT 250 + (hashtext(day::text || scope || model) & 255) AS calls) AS used;
INSERT INTO allocation_usagescopeday (bucket, scope_id, activity, requests, errors, unpriced_requests,
    partly_unpriced_requests, unpriced_tokens, input_tokens, cached_input_tokens, output_tokens, gpu_seconds, cost,
    tokenless_cost)
SELECT bucket, scope_id, activity, sum(requests), sum(errors), sum(unpriced_requests), 0, 0, sum(input_tokens),
    sum(cached_input_tokens), sum(output_tokens), sum(gpu_seconds), sum(cost), 0
FROM allocation_usageday GROUP BY bucket, scope_id, activity ORDER BY bucket, scope_id, activity;
INSERT INTO allocation_taskday (scope_id, day, tasks, first_call_tokens, requests, errors, tokens, cost)
SELECT scope, day::date, 40, 60000, 400, 2, 1260000, 12.345678901
FROM generate_series(%(since)s::timestamp, %(until)s::timestamp, '1 day') AS day
CROSS JOIN unnest(%(scopes)s::bigint[]) AS scope;
INSERT INTO allocation_outcomeday (scope_id, day, kind, name, count, successful, flagged, value, quality_sum,
    quality_count)
SELECT scope, day::date, 'outcome', name, 50, 42, 1, 99.5, 40.25, 50
FROM generate_series(%(since)s::timestamp, %(until)s::timestamp, '1 day') AS day
CROSS JOIN unnest(%(scopes)s::bigint[]) AS scope
CROSS JOIN unnest(ARRAY['ticket_resolved', 'sale', 'refund_issued']) AS name;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=8)
    parser.add_argument("--below", type=int, default=4, help="workloads of each team")
    parser.add_argument("--plan", action="store_true", help="show how PostgreSQL reads the usage of the organisation")
    given = parser.parse_args()
    with scratch_database():
        run(given.teams, given.below, plan=given.plan)


def run(teams: int, below: int, *, plan: bool) -> None:
    from django.db import connection

    from allocation.usage.models import UsageDay
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor
    from governance.scopes.models import Scope

    until = date(2026, 12, 1)
    since = until - timedelta(days=DAYS)
    at = midnight(until)
    root = create_scope(slug="bench", kind="organisation", actor=Actor.system(), at=at)
    for number in range(teams):
        team = create_scope(slug=f"team-{number}", kind="team", parent=root, actor=Actor.system(), at=at)
        Scope.objects.bulk_create([Scope(parent=team, slug=f"workload-{n}", kind="workload") for n in range(below)])
    scopes = list(Scope.objects.exclude(pk=root.pk).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"since": since, "until": until - timedelta(days=1), "scopes": scopes})
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*), sum(requests) FROM allocation_usageday")
        rows, calls = cursor.fetchone()
    print(f"{len(scopes)} scopes, {rows:,} rows by day, {calls:,} calls", flush=True)
    team = Scope.objects.get(path="bench/team-0")
    for name, scope in (("organisation", root), ("a team", team), ("a workload", team.children.first())):
        for trend in ("month", "day"):
            _time(name, scope.pk, since, until, trend)
    if plan:
        used = UsageDay.objects.filter(scope_id__in=scopes, bucket__gte=midnight(since), bucket__lt=midnight(until))
        print(used.values("bucket", "activity").explain(analyze=True, buffers=True))


def _time(name: str, scope_id: int, since: date, until: date, trend: str) -> None:
    from allocation.unit_economics.queries import unit_economics

    times = []
    for _ in range(11):
        started = time.perf_counter()
        economics = unit_economics(scope_id=scope_id, since=since, until=until, trend=trend)
        times.append((time.perf_counter() - started) * 1e3)
    task = economics.figure("action").ratio.value
    print(
        f"{name}, twelve months by {trend}: first {times[0]:.0f} ms, median {sorted(times)[5]:.0f} ms,"
        f" slowest {max(times):.0f} ms (cost {economics.cost:,.2f}, per task {task})",
        flush=True,
    )


if __name__ == "__main__":
    main()
