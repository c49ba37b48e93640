"""What a history of ten million records costs: insertion, pages, exports and sizes beside an empty database.

    python -m bench.history [--records 10000000] [--days 90] [--teams 200] [--events 20000] [--keep]

Starts a PostgreSQL of its own in a scratch folder, records real traffic in the empty database, writes the history by
SQL, records the same traffic again, asks for the pages and the FOCUS file, prints sizes and the indexes that nothing
read. Needs about 2 kB of disk a record. `--keep` leaves the folder; `--folder F` measures one that was kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
BATCH = 1000
PAGES = (
    ("overview", "/admin/"),
    ("usage list", "/admin/allocation/usagerecord/"),
    ("usage list of a model", "/admin/allocation/usagerecord/?model__exact=gpt-4o"),
    ("usage search", "/admin/allocation/usagerecord/?q=past-4711"),
    ("charge lines", "/admin/allocation/usagecharge/"),
    ("tasks", "/admin/allocation/task/"),
    ("what moved, last month", "/admin/allocation/usageday/what-moved/"),
    ("what moved, a team", "/admin/allocation/usageday/what-moved/?scope=bench/team-7"),
    ("unit costs of all scopes", "/admin/allocation/scopeeconomics/"),
    ("unit economics, this month by day", "/admin/allocation/scopeeconomics/{root}/change/"),
    ("unit economics, twelve months", "/admin/allocation/scopeeconomics/{root}/change/?{year}&trend=month"),
    ("unit economics of a team, twelve months", "/admin/allocation/scopeeconomics/{team}/change/?{year}&trend=month"),
    ("API: usage", "/api/v1/usage"),
    ("API: usage of a scope", "/api/v1/usage?scope=bench/team-7"),
    ("API: summary", "/api/v1/usage/summary"),
    ("API: unit economics", "/api/v1/unit-economics?scope=bench"),
    ("API: movement", "/api/v1/movement?scope=bench"),
    ("API: movement of scopes", "/api/v1/movement/scopes"),
    ("API: charges", "/api/v1/charges"),
    ("API: tasks", "/api/v1/tasks"),
)
SIZES = """
    SELECT regexp_replace(relname, '(_before)?_\\d{4}_\\d{2}(_\\d{2})?$|_rest$', '') AS name,
        sum(pg_table_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint, sum(n_live_tup)::bigint
    FROM pg_stat_user_tables GROUP BY 1 HAVING sum(pg_total_relation_size(relid)) > 8e6 ORDER BY 2 + 3 DESC
"""
UNREAD = """
    SELECT relname, indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes
    JOIN pg_index USING (indexrelid)
    WHERE idx_scan = 0 AND NOT indisunique AND relname LIKE 'allocation_%' AND pg_relation_size(indexrelid) > 1e6
    ORDER BY 1, 2
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--events", type=int, default=20_000, help="recorded to measure the insertion")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    parser.add_argument("--folder", type=Path, help="a data folder that was kept")
    given = parser.parse_args()

    from config.embedded import EmbeddedPostgres
    from config.folders import DataFolder

    path = given.folder or Path(tempfile.mkdtemp(prefix="weir-history-"))
    path.chmod(0o755)
    server = EmbeddedPostgres(DataFolder(path))
    server.start(say=lambda _sentence: None)
    try:
        os.environ.update({"DATABASE_URL": server.url, "WEIR_DATA_DIR": str(path), "CELERY_BROKER_URL": "memory://"})
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ.setdefault("WEIR_SECRET_KEY", "bench")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        measure(given)
    finally:
        server.stop()
        if given.keep:
            print(f"kept in {path}")
        elif not given.folder:
            shutil.rmtree(path)


def measure(given: argparse.Namespace) -> None:
    from django.db import connection

    from allocation.usage.operations import maintain_partitions, sum_months
    from bench import calls, traffic
    from bench.past import write_past
    from governance.calendar.engine import DAY
    from governance.scopes.models import Scope

    now = datetime.now(UTC)
    if not given.folder:
        maintain_partitions(at=now)
        traffic.prepare(calls.Shape(given.teams), guardrails=5)
    root = Scope.objects.get(path="bench")
    teams = list(Scope.objects.filter(parent=root, kind="team").order_by("id").values_list("pk", flat=True))
    if not given.folder:
        # The history ends before the day over which this traffic lies. First into nothing: then the rows that the
        # measured traffic adds to are there, as they are later.
        for name in ("rows that are made", "empty"):
            record(name, given.events, given.teams)
        started = time.perf_counter()
        write_past(root_id=root.pk, scope_ids=teams, records=given.records, days=given.days, until=now - DAY)
        maintain_partitions(at=now)
        sum_months(at=now)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
        print(f"{given.records:,} records of {given.days} days in {time.perf_counter() - started:,.0f} s", flush=True)
    for name in ("with the history, first", "with the history"):
        record(name, given.events, given.teams)
    show_sizes()
    ask_for_pages(root.pk, teams[7])
    export(root.pk, now)
    show_unread()


def record(name: str, count: int, teams: int) -> None:
    """Records and folds real calls of the last day; processor time of this process and of its backend."""
    from django.db import connection

    from allocation.meters.documents import UsageEvent
    from allocation.usage.operations import fold_waiting, record_usage
    from bench import calls
    from governance.scopes.models import Scope

    root_id = Scope.objects.get(path="bench").pk
    now = datetime.now(UTC)
    made = calls.real(count, uuid.uuid4().hex[:12], calls.Shape(teams), seed=9, now=now)
    events = [UsageEvent.model_validate_json(json.dumps(call)) for call in made]
    backend = psutil.Process(connection.cursor().connection.info.backend_pid)
    cpu, wal = (time.process_time(), _cpu_s(backend)), _wal()
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        record_usage(events=events[start : start + BATCH], key_scope_id=root_id, at=datetime.now(UTC), folded=False)
    recorded = time.perf_counter()
    while fold_waiting(at=datetime.now(UTC)).batches:
        pass
    ended = time.perf_counter()
    spent = (time.process_time() - cpu[0]) * 1e6 / count, (_cpu_s(backend) - cpu[1]) * 1e6 / count
    whole_pages, wal_bytes = (after - before for after, before in zip(_wal(), wal, strict=True))
    print(
        f"insertion, {name}: {spent[0]:.0f} µs of CPU an event in Python, {spent[1]:.0f} in PostgreSQL;"
        f" {(recorded - started) * 1e6 / count:.0f} + {(ended - recorded) * 1e6 / count:.0f} µs to record and to fold,"
        f" {whole_pages / count:.2f} pages written whole to {wal_bytes / count:,.0f} bytes of WAL",
        flush=True,
    )


def _wal() -> tuple[int, int]:
    """Pages that the log holds whole, since they changed for the first time after a checkpoint; and its bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_fpi, wal_bytes::bigint FROM pg_stat_wal")
        found: tuple[int, int] = cursor.fetchone()
    return found


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def show_sizes() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT count(*) FROM allocation_usagerecord")
        records = cursor.fetchone()[0]
        cursor.execute(SIZES)
        rows = cursor.fetchall()
    print(f"bytes for each of {records:,} records: table, indexes, rows")
    for name, table, indexes, live in rows:
        print(f"  {name:32} {table / records:>8.1f} {indexes / records:>8.1f} {live:>12,}")
    print(
        f"  {'in all':32} {sum(row[1] for row in rows) / records:>8.1f} {sum(row[2] for row in rows) / records:>8.1f}"
    )


def ask_for_pages(root_id: int, team_id: int) -> None:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from governance.people.models import User

    settings.ALLOWED_HOSTS = ["*"]
    user = User.objects.filter(email="bench@bench.example").first()
    client = Client()
    client.force_login(user or User.objects.create_superuser("bench@bench.example", None))
    today = datetime.now(UTC).date()
    year = f"since={today.replace(year=today.year - 1)}&until={today}"
    for name, address in PAGES:
        address = address.format(root=root_id, team=team_id, year=year)  # noqa: PLW2901
        times, slowest = [], (0.0, "")
        for _ in range(4):
            started = time.perf_counter()
            answer = client.get(address, HTTP_HOST="localhost")
            times.append((time.perf_counter() - started) * 1e3)
        with CaptureQueriesContext(connection) as asked:
            client.get(address, HTTP_HOST="localhost")
        slowest = max((float(query["time"]), query["sql"]) for query in asked.captured_queries)
        print(
            f"{name}: {answer.status_code}, first {times[0]:.0f} ms, then {min(times[1:]):.0f} ms,"
            f" {len(asked)} statements, slowest {slowest[0] * 1e3:.0f} ms",
            flush=True,
        )
        if slowest[0] > 0.15:
            print(f"    {' '.join(slowest[1].split())[:300]}")


def export(root_id: int, now: datetime) -> None:
    from allocation.focus.queries import export_for, focus_csv
    from governance.calendar.engine import first_of_month, month_before
    from governance.people.rules import Actor

    until = first_of_month(now.date())
    order = export_for(
        actor=Actor.system("bench"), organisation_id=root_id, since=month_before(until), until=until, version="1.4"
    )
    for _ in range(2):
        started, cpu = time.perf_counter(), time.process_time()
        lines = sum(piece.count(b"\n") for piece in focus_csv(order))
        print(
            f"FOCUS file of a month: {lines - 1:,} rows in {time.perf_counter() - started:.1f} s,"
            f" {time.process_time() - cpu:.1f} s of CPU in Python",
            flush=True,
        )


def show_unread() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(UNREAD)
        for table, index, size in cursor.fetchall():
            print(f"not read: {table}.{index}, {size / 1e6:,.1f} MB")


if __name__ == "__main__":
    main()
