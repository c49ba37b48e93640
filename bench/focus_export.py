"""Rows per second of the FOCUS export, as CSV and as Parquet.

    python bench/focus_export.py [--rows 500000] [--version 1.4]

Starts its own PostgreSQL in a scratch folder, fills it with charge lines, writes the files and removes everything.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# Every scope uses the same models on every day of the month, with five meters of each at the price of the model.
FILL = """
INSERT INTO allocation_usagecharge (
    day, scope_id, provider, model, activity, service_tier, price_source, price_version, charge_class, meter,
    list_unit_price, contracted_unit_price, requests, quantity, list_cost, contracted_cost, effective_cost, billed_cost
)
SELECT DATE '2026-10-01' + (n %% 31)::int, (%(scopes)s::bigint[])[1 + n / 31 %% cardinality(%(scopes)s::bigint[])],
    (ARRAY['openai', 'anthropic', 'google'])[1 + series %% 3], 'model-' || series / 5, 'inference',
    (ARRAY['standard', 'batch'])[1 + series / 5 %% 2], 'genai-prices', '0.2.3', '',
    (ARRAY['input', 'cached_input', 'cache_write', 'output', 'reasoning'])[1 + series %% 5],
    2.5 + series %% 7, 2 + series %% 7, 3 + n %% 1000, n * 17 %% 90000000, (n %% 1000) * 0.001234567,
    (n %% 1000) * 0.001, (n %% 1000) * 0.001, (n %% 1000) * 0.001
FROM (
    SELECT n, n / 31 / cardinality(%(scopes)s::bigint[]) AS series FROM generate_series(0, %(rows)s - 1) AS n
) AS made
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--version", default="1.4", choices=["1.2", "1.4"])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()

    from config.embedded import EmbeddedPostgres
    from config.folders import DataFolder

    with TemporaryDirectory(prefix="weir-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(DataFolder(Path(folder)))
        server.start(say=lambda _sentence: None)
        try:
            os.environ.update({"DATABASE_URL": server.url, "WEIR_DATA_DIR": folder})
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            measure(given.rows, given.version, given.rounds)
        finally:
            server.stop()


def measure(rows: int, version: str, rounds: int) -> None:
    from datetime import UTC, date, datetime

    from django.db import connection

    from allocation.focus.queries import export_for, focus_csv, write_parquet
    from allocation.usage.models import UsageCharge
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor

    at, system = datetime(2026, 11, 1, tzinfo=UTC), Actor.system("bench")
    root = create_scope(slug="acme", kind="organisation", actor=system, at=at)
    scopes = [create_scope(slug=f"team-{n}", kind="team", parent=root, actor=system, at=at).pk for n in range(40)]
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"scopes": scopes, "rows": rows})
        cursor.execute("ANALYZE allocation_usagecharge")
    print(f"{UsageCharge.objects.count():,} charge lines in {len(scopes)} scopes, FOCUS {version}")
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    order = export_for(
        actor=system, organisation_id=root.pk, since=date(2026, 10, 1), until=date(2026, 11, 1), version=version
    )
    with TemporaryDirectory() as folder:
        for _ in range(rounds):
            started, size, lines = time.perf_counter(), 0, 0
            for piece in focus_csv(order):
                size += len(piece)
                lines += piece.count(b"\n")
            took = time.perf_counter() - started
            print(f"CSV      {(lines - 1) / took:>10,.0f} rows/s, {size / 1e6:,.0f} MB in {took:.1f} s")
            out = Path(folder) / "export.parquet"
            started = time.perf_counter()
            write_parquet(order, out)
            took = time.perf_counter() - started
            print(f"Parquet  {(lines - 1) / took:>10,.0f} rows/s, {out.stat().st_size / 1e6:,.0f} MB in {took:.1f} s")
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
