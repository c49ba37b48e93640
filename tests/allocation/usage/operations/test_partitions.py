from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from allocation.meters.engine.months import Month
from allocation.usage import operations
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import (
    drop_expired_partitions,
    ensure_partitions,
    existing_partitions,
    record_usage,
    seen_months,
)
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.governance.conftest import at_once


def test_months_lie_in_partitions_of_their_own(acme: Scope) -> None:
    months = [AT - timedelta(days=days) for days in (0, 40, 399)]
    record_usage(events=[event(occurred_at=month) for month in months], key_scope_id=acme.pk, at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM allocation_usagerecord ORDER BY occurred_at")
        tables = [row[0] for row in cursor.fetchall()]
    assert tables == [f"allocation_usagerecord_{month}" for month in ("2025_10", "2026_10", "2026_11")]


def test_retention_drops_months_and_keeps_the_roll_ups(acme: Scope, settings: Any) -> None:
    old, new = AT - timedelta(days=100), AT
    record_usage(events=[event(occurred_at=old), event(occurred_at=new)], key_scope_id=acme.pk, at=AT)
    settings.USAGE_RETENTION_DAYS = 60
    dropped = operations.maintain_partitions(at=AT)
    assert "allocation_usagerecord_2026_08" in dropped
    assert [record.occurred_at for record in UsageRecord.objects.all()] == [new]
    assert UsageDay.objects.count() == 2
    refused = record_usage(events=[event(occurred_at=old)], key_scope_id=acme.pk, at=AT).rejected
    assert [one.code for one in refused] == ["occurred_too_early"]


def test_what_comes_again_for_a_dropped_month_does_not_count_again(acme: Scope, settings: Any) -> None:
    old, older = event(occurred_at=AT - timedelta(days=100)), event(occurred_at=AT - timedelta(days=130))
    record_usage(events=[old], key_scope_id=acme.pk, at=AT)
    before = list(UsageDay.objects.values())
    settings.USAGE_RETENTION_DAYS = 60
    drop_expired_partitions(at=AT)
    settings.USAGE_RETENTION_DAYS = settings.USAGE_ACCEPT_PAST_DAYS = 400
    again = record_usage(events=[old, older], key_scope_id=acme.pk, at=AT)
    assert (again.accepted, [one.code for one in again.rejected]) == (1, ["occurred_too_early"])
    assert list(UsageDay.objects.filter(bucket__gte=AT - timedelta(days=101)).values()) == before


@pytest.mark.django_db(transaction=True)
def test_processes_that_need_the_same_odd_months_make_them_once() -> None:
    months = [Month(1999, 12), Month(2000, 1), Month(2000, 2)]
    before = set(existing_partitions())

    def make(number: int) -> None:
        seen_months.difference_update(months)
        ensure_partitions(months if number % 2 else reversed(months))

    at_once(make, 6)
    assert set(existing_partitions()) - before == set(months)
    at_once(lambda _: drop_expired_partitions(at=datetime(2001, 5, 1, tzinfo=UTC)), 3)
    assert set(existing_partitions()) == before
    seen_months.difference_update(months)


def test_the_key_begins_with_the_instant_and_lists_read_it(acme: Scope) -> None:
    record_usage(events=[event(), event()], key_scope_id=acme.pk, at=AT)
    newest = UsageRecord.objects.order_by("-occurred_at", "-id")[:5]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        assert "Index Scan Backward using allocation_usagerecord_2026_11_pkey" in newest.explain()
        cursor.execute("SELECT pg_get_indexdef('allocation_usagerecord_2026_11_pkey'::regclass)")
        assert cursor.fetchone()[0].endswith("(occurred_at, id)")
