"""What a tree of many scopes costs: its memory, and the first pricing context after a scope was added."""

from __future__ import annotations

import argparse
import gc
import time

from bench.scratch import scratch_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scopes", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=7)
    given = parser.parse_args()
    with scratch_database():
        measure(given.scopes, given.changes)


def measure(scopes: int, changes: int) -> None:
    import psutil
    from django.utils import timezone

    from allocation.usage.operations.pricing_context import TREE_MAX_AGE_S, pricing_context_for
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor
    from governance.scopes.models import Scope

    at = timezone.now()
    top = create_scope(slug="many", kind="organisation", actor=Actor.system(), at=at)
    units = [Scope(parent=top, slug=f"unit-{number}", kind="business_unit") for number in range(100)]
    Scope.objects.bulk_create(units)
    Scope.objects.bulk_create(
        (
            Scope(parent=units[number % 100], slug=f"team-{number}", kind="team", labels={"tier": "gold"})
            for number in range(scopes)
        ),
        batch_size=1_000,
    )
    gc.collect()
    memory, began = psutil.Process().memory_info().rss, time.process_time()
    pricing_context_for(key_scope_id=top.pk, at=at)
    took, memory = time.process_time() - began, psutil.Process().memory_info().rss - memory
    print(f"first context: {took * 1000:.0f} ms of CPU, {memory / 1e6:.0f} MB")
    costs = []
    for number in range(changes):
        Scope.objects.create(parent=top, slug=f"new-{number}", kind="team")
        time.sleep(TREE_MAX_AGE_S)
        began = time.process_time()
        pricing_context_for(key_scope_id=top.pk, at=at)
        costs.append(time.process_time() - began)
    print(f"after a change: {min(costs) * 1000:.1f} ms of CPU, the least of {changes}")


if __name__ == "__main__":
    main()
