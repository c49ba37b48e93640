"""Seconds to split shared cost: 50 pools over 1,000 scopes, read from the database and written back.

    python -m bench.shared_cost [--pools 50] [--scopes 1000]

A scratch database is made on the server DATABASE_URL names and dropped afterwards. The pools use every method in turn.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from decimal import Decimal

from bench.scratch import scratch_database

METHODS = (
    "{how: even}",
    "{how: proportional, to: tokens}",
    "{how: proportional, to: cost}",
    "{how: by_metric, metric: seats, aggregate: latest}",
)
DOCUMENT = """
apiVersion: weir/v1
kind: SharedCostSplit
metadata: {{name: pool-{number}}}
spec:
  organisation: bench
  effective_from: {month}
  pool: {pool}
  recipients: {{matching: {{below: bench, kinds: [team]}}}}
  method: {method}
  when_zero: even
  departed: redistribute
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=int, default=50)
    parser.add_argument("--scopes", type=int, default=1000)
    given = parser.parse_args()
    with scratch_database():
        run(given.pools, given.scopes)


def run(pools: int, scopes: int) -> None:
    from django.utils import timezone

    from allocation.meters.engine.months import Month
    from allocation.shared_cost.operations import record_metrics, run_allocation
    from allocation.shared_cost.queries import allocated_charges, fully_loaded, shared_cost
    from bench.organisation import Organisation
    from governance.people.rules import Actor
    from governance.scopes.models import Scope

    at, system = timezone.now(), Actor.system()
    month = Month.of(at.date())
    made = Organisation.create(teams=scopes, at=at)
    shared = Scope.objects.bulk_create(
        [Scope(parent=made.root, slug=f"shared-{number}", kind="product") for number in range(pools)]
    )
    used = {team.path: Decimal(1 + number) for number, team in enumerate(made.teams)}
    used |= {f"bench/{scope.slug}": Decimal(1000) for scope in shared}
    made.spend(used, at=at, hours=1)
    record_metrics(
        values=[
            {"id": str(n), "source": "bench", "metric": "seats", "scope": team.path, "on": str(at.date()), "value": n}
            for n, team in enumerate(made.teams)
        ],
        authority=made.root,
        at=at,
    )
    declare(pools, month.start, at)

    def timed(name: str) -> None:
        began = time.perf_counter()
        result = run_allocation(organisation=made.root, month=month, actor=system, at=at)
        seconds = time.perf_counter() - began
        count = result.run.charges.count()
        print(f"{name}: {seconds:.2f} s, {count:,} charges, {'new' if result.is_new else 'unchanged'}", flush=True)

    timed("first run")
    timed("again")
    made.spend({made.teams[0].path: Decimal(7)}, at=at, hours=1)
    timed("late data")
    began = time.perf_counter()
    lines = sum(1 for _ in allocated_charges(made.root.pk, month.start, month.end))
    print(f"read for an export: {time.perf_counter() - began:.2f} s, {lines:,} lines", flush=True)
    began = time.perf_counter()
    statement = shared_cost(actor=system, scope_id=made.teams[0].pk, month=month)
    print(f"one scope: {(time.perf_counter() - began) * 1000:.0f} ms, {len(statement.shared_in)} pools", flush=True)
    total = sum((scope.total for scope in fully_loaded(made.root.pk, month).values()), Decimal(0))
    wanted = shared_cost(actor=system, scope_id=made.root.pk, month=month).fully_loaded
    print(f"conserved: {total} of {wanted}", flush=True)


def declare(pools: int, month: object, at: datetime) -> None:
    from pydantic import TypeAdapter

    from allocation.shared_cost.documents import SharedCostSplitDocument
    from allocation.shared_cost.operations import apply_shared_cost_split
    from governance.documents import load_documents, parse_document
    from governance.people.rules import Actor

    adapter = TypeAdapter(SharedCostSplitDocument)
    began = time.perf_counter()
    for number in range(pools):
        pool = (
            f"{{source: usage, scope: bench/shared-{number}}}"
            if number % 2
            else f'{{source: amount, amount_per_month: "1000.01", currency: USD, held_by: bench/shared-{number}}}'
        )
        text = DOCUMENT.format(number=number, month=month, pool=pool, method=METHODS[number % len(METHODS)])
        document = parse_document(adapter, load_documents(text, source="bench")[0])
        apply_shared_cost_split(document, actor=Actor.system(), at=at)
    print(f"{pools} splits declared in {time.perf_counter() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
