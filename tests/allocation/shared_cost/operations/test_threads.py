"""Runs and metrics that come at once: real transactions on real connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from allocation.shared_cost import operations
from allocation.shared_cost.models import AllocationMetric, AllocationRun
from governance.scopes.models import Scope
from tests.allocation.conftest import AT
from tests.allocation.sharing import apply_split, run, use

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(work: Callable[[int], object], count: int) -> list[object]:
    def one(number: int) -> object:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_racing_runs_make_one(sharing: Scope) -> None:
    apply_split()
    assert len(set(in_threads(lambda _: run(sharing).pk, 8))) == 1
    use(sharing, "acme/ads", "1", 1000)
    assert len(set(in_threads(lambda _: run(sharing).pk, 8))) == 1
    assert AllocationRun.objects.count() == 2
    assert AllocationRun.objects.in_force().count() == 1


def test_the_same_metrics_sent_at_once_count_once(sharing: Scope) -> None:
    values = [
        {"id": str(n), "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-01", "value": n}
        for n in range(20)
    ]
    results = in_threads(lambda _: operations.record_metrics(values=values, authority=sharing, at=AT).accepted, 8)
    assert sorted(results) == [0] * 7 + [20]
    assert AllocationMetric.objects.count() == 20
