from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from allocation.usage.queries import UsageTotals, data_ages, slices, window_totals, windows_totals
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event

LENGTHS = {
    "5m": timedelta(minutes=5), "15m": timedelta(minutes=15), "1h": timedelta(hours=1), "6h": timedelta(hours=6),
    "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30),
}  # fmt: skip
instants = st.integers(0, 60 * 24 * 70).map(lambda minutes: AT.replace(second=0) - timedelta(minutes=minutes))


@given(instants, instants)
def test_pieces_cover_a_stretch_once_and_fit_their_buckets(one: datetime, other: datetime) -> None:
    start, end = min(one, other), max(one, other)
    found = slices(start, end)
    assert [edge for _, first, last in found for edge in (first, last)] == (
        [start, *[edge for _, _, last in found[:-1] for edge in (last, last)], end] if found else []
    )
    assert bool(found) == (start < end)
    lengths = {"allocation_usageminute": 60, "allocation_usagehour": 3600, "allocation_usageday": 86_400}
    assert [
        (first, last)
        for table, first, last in found
        if (first.timestamp() % lengths[table], last.timestamp() % lengths[table]) != (0, 0)
    ] == []


def test_windows_sum_the_subtree_to_the_minute(acme: Scope, search: Scope) -> None:
    paths = ("acme", "acme/search", "acme/search/ranker", "acme/ads", "acme/unattributed")
    events = [
        event(
            occurred_at=AT - timedelta(minutes=7 * n * n),
            scope=paths[n % 5],
            model=("gpt-4o", "gpt-mock", "o3")[n % 3],
            status=("success", "error")[n % 7 == 0],
            quantities={"image": n % 3},
        )
        for n in range(90)
    ]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    windows = {name: (AT - length, AT) for name, length in LENGTHS.items()} | {
        "month": (AT.replace(day=1, hour=0, minute=0, second=0), AT)
    }
    found = windows_totals(windows=windows, at=AT)
    for name, (since, until) in windows.items():
        for scope in Scope.objects.all():
            rows = [
                row for row in UsageRecord.objects.select_related("scope")
                if since.replace(second=0) <= row.occurred_at <= until
                and (row.scope.path == scope.path or row.scope.path.startswith(f"{scope.path}/"))
            ]  # fmt: skip
            wanted = UsageTotals(
                cost=sum((row.cost for row in rows if row.cost is not None), start=Decimal(0)),
                tokens=sum(row.total_tokens for row in rows),
                requests=len(rows),
                errors=sum(row.status == "error" for row in rows),
                unpriced_requests=sum(row.is_unpriced for row in rows),
                partly_unpriced_requests=sum(row.is_partly_unpriced for row in rows),
            )
            assert (name, scope.path, found[name][scope.pk]) == (name, scope.path, wanted)
        assert window_totals(scope_ids=[search.pk], since=since, until=until, at=AT) == {
            search.pk: found[name][search.pk]
        }


def test_what_occurs_after_the_instant_is_not_looked_at(acme: Scope) -> None:
    record_usage(events=[event(occurred_at=AT + timedelta(minutes=3))], key_scope_id=acme.pk, at=AT)
    since = AT - timedelta(hours=1)
    windows = {"now": (since, AT), "later": (since, AT + timedelta(hours=1))}
    found = windows_totals(windows=windows, at=AT)
    assert [found[name][acme.pk].requests for name in windows] == [0, 0]


@pytest.mark.parametrize("count", [1, 3])
def test_all_windows_take_a_fixed_number_of_queries(acme: Scope, count: int) -> None:
    record_usage(events=[event() for _ in range(count)], key_scope_id=acme.pk, at=AT)
    windows = {name: (AT - length, AT) for name, length in LENGTHS.items()}
    windows_totals(windows=windows, at=AT)
    with CaptureQueriesContext(connection) as queries:
        windows_totals(windows=windows, at=AT)
    assert len([query for query in queries if "allocation_" in query["sql"]]) == 3


def test_the_age_of_the_data_is_the_feeds(acme: Scope, search: Scope) -> None:
    assert data_ages(AT) == {acme.pk: None}
    repeated = event()
    record_usage(events=[repeated], key_scope_id=acme.pk, at=AT - timedelta(minutes=10))
    assert data_ages(AT) == {acme.pk: 600.0}
    record_usage(events=[repeated], key_scope_id=acme.pk, at=AT - timedelta(minutes=1))
    assert data_ages(AT) == {acme.pk: 60.0}
    assert data_ages(datetime(2020, 1, 1, tzinfo=UTC)) == {acme.pk: 0.0}
