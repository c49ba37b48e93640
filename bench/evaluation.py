"""Seconds for one full sweep: 100 guardrails on 1,000 scopes with budgets and usage, facts loaded from the database.

    python -m bench.evaluation [--scopes 1000] [--guardrails 100]

A scratch database is made on the server DATABASE_URL names and dropped afterwards. Target: 3 s, quiet or with 5 % of
all pairs breached; 2 s for the storm, which writes an alert, a constraint, two deliveries and three records for each.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta
from decimal import Decimal

from bench.scratch import scratch_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scopes", type=int, default=1000)
    parser.add_argument("--guardrails", type=int, default=100)
    given = parser.parse_args()
    with scratch_database():
        run(given.scopes, given.guardrails)


def run(scopes: int, guardrails: int) -> None:
    from django.utils import timezone

    from bench.organisation import Organisation
    from governance.memory.engine import collect_cycles_seldom
    from governance.messages.models import Channel, Delivery
    from policies.alerts.models import Alert
    from policies.constraints.models import Constraint
    from policies.evaluation.operations import evaluate_next_dirty_scopes, sweep
    from policies.management.commands.evaluate import SWITCH_S

    # As the programs do.
    collect_cycles_seldom()
    sys.setswitchinterval(SWITCH_S)
    at = timezone.now()
    began = time.perf_counter()
    made = Organisation.create(teams=scopes, at=at)
    made.budgets(Decimal(100))
    made.spend({team.path: Decimal(50) for team in made.teams}, at=at, hours=12)
    made.guardrails(guardrails)
    print(f"prepared in {time.perf_counter() - began:.0f} s", flush=True)

    def timed(name: str, minutes: int) -> None:
        started = time.perf_counter()
        run = sweep(at=at + timedelta(minutes=minutes))
        seconds = time.perf_counter() - started
        print(
            f"{name}: {seconds:.2f} s, {run.evaluations_count:,} evaluations of {run.scopes_count:,} scopes, "
            f"{run.transitions_count:,} transitions, {Alert.objects.open().count():,} alerts, "
            f"{Constraint.objects.in_force(at + timedelta(minutes=minutes)).count():,} constraints, "
            f"{Delivery.objects.count():,} deliveries",
            flush=True,
        )

    timed("quiet, first sweep", 0)
    timed("quiet", 1)
    made.spend({team.path: Decimal(60) for team in made.teams[: scopes // 20]}, at=at, hours=1)
    Channel.objects.update(to=["first@bench.example", "second@bench.example"])
    started, used = time.perf_counter(), time.process_time()
    evaluate_next_dirty_scopes(at=at)
    print(
        f"storm, dirty scopes of which 5 % breach at once: {time.perf_counter() - started:.2f} s,"
        f" {time.process_time() - used:.2f} s of CPU here, {Alert.objects.open().count():,} alerts,"
        f" {Constraint.objects.in_force(at).count():,} constraints, {Delivery.objects.count():,} deliveries",
        flush=True,
    )
    timed("5 % breached, first sweep", 2)
    timed("5 % breached, steady", 3)


if __name__ == "__main__":
    main()
