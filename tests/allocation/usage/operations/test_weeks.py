import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from allocation.usage.models import FINE_TABLES, UsageDay, UsageHour, UsageMinute, UsageScopeDay
from allocation.usage.operations import maintain_partitions, partitions, record_usage, weeks
from allocation.usage.queries import UsageTotals, windows_totals
from config import apart
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event, stored_sums
from tests.governance.conftest import at_once

LATER = AT + timedelta(days=50)


def lie_in(table: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1 ORDER BY 1")
        return dict(cursor.fetchall())


def maintain_weeks(*, at: datetime) -> list[str]:
    return [name for table in FINE_TABLES for name in weeks.maintain_weeks(table, at=at)]


def record_days(acme: Scope, *days: int) -> None:
    events = [
        event(occurred_at=AT - timedelta(days=day, minutes=37 * number), scope="acme/search")
        for day in days
        for number in range(3)
    ]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)


def test_weeks_take_over_what_came_before_they_were_made(acme: Scope, search: Scope) -> None:
    record_days(acme, 0, 8, 30)
    assert lie_in("allocation_usageminute") == {"allocation_usageminute_rest": 9}
    before = stored_sums()
    maintain_weeks(at=AT)
    maintain_weeks(at=AT)
    assert stored_sums() == before
    record_days(acme, 1)
    for table in FINE_TABLES:
        assert list(lie_in(table)) == [f"{table}_2026_10_19", f"{table}_2026_11_16", f"{table}_2026_11_23"]
    assert lie_in("allocation_usageminute")["allocation_usageminute_2026_11_23"] == 6


def test_beyond_the_longest_window_only_days_are_kept(acme: Scope, search: Scope) -> None:
    record_days(acme, 0, 8, 30, 45, 100)
    dropped = maintain_weeks(at=AT)
    assert dropped == []
    assert [table.objects.count() for table in (UsageMinute, UsageHour)] == [9, 6]
    assert maintain_weeks(at=LATER) == [
        f"{table}_2026_{week}"
        for table in FINE_TABLES
        for week in ("10_19", "10_26", "11_02", "11_09", "11_16", "11_23", "11_30")
    ]
    assert [table.objects.count() for table in (UsageMinute, UsageHour, UsageDay)] == [0, 0, 5]


def totals(acme: Scope, at: datetime) -> dict[str, UsageTotals]:
    windows = {
        **{str(days): (at - timedelta(days=days, minutes=40), at) for days in (0, 1, 8, 30)},
        **{f"old {days}": (AT - timedelta(days=days, minutes=40), AT - timedelta(days=days - 9)) for days in (45, 101)},
    }
    return {name: by_scope[acme.pk] for name, by_scope in windows_totals(windows=windows, at=at).items()}


def test_windows_read_the_same_whatever_was_dropped(acme: Scope, search: Scope) -> None:
    record_days(acme, *range(0, 110, 7))
    before = totals(acme, AT)
    maintain_weeks(at=AT)
    assert totals(acme, AT) == before
    later = AT + timedelta(days=6)
    before = totals(acme, later)
    maintain_weeks(at=later)
    assert totals(acme, later) == before
    assert before["old 45"].requests == 3


def test_edges_older_than_what_is_kept_are_rounded_to_days(acme: Scope, search: Scope) -> None:
    """Three calls of the 45th day before, at 12:30, 11:53 and 11:16: the whole day counts, or none of it."""
    record_days(acme, 45)
    day = (AT - timedelta(days=45)).replace(hour=0, minute=0, second=0)
    noon = day.replace(hour=12)
    windows = {
        "from noon": (noon, AT), "to noon": (day, noon), "before": (noon - timedelta(days=1), day),
        "the hour": (day.replace(hour=1), day.replace(hour=2)),
    }  # fmt: skip
    found = windows_totals(windows=windows, at=AT)
    assert {name: by_scope[acme.pk].requests for name, by_scope in found.items()} == {
        "from noon": 3, "to noon": 3, "before": 0, "the hour": 3,
    }  # fmt: skip


def test_what_comes_in_for_long_ago_counts_by_day(acme: Scope, search: Scope) -> None:
    maintain_weeks(at=AT)
    record_days(acme, 60)
    assert [table.objects.count() for table in (UsageMinute, UsageHour, UsageDay)] == [3, 2, 1]
    maintain_weeks(at=AT)
    assert [table.objects.count() for table in (UsageMinute, UsageHour, UsageDay)] == [0, 0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_given_way_to_and_stops_nobody(acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "DROP_PAUSE_S", 0.01)
    reading, is_over = threading.Event(), threading.Event()
    maintain_partitions(at=AT)

    def work(number: int) -> object:
        if not number:
            with transaction.atomic(), connection.cursor() as cursor:
                for table in FINE_TABLES:
                    cursor.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
                reading.set()
                is_over.wait(60)
            return None
        reading.wait(60)
        try:
            dropped = maintain_partitions(at=LATER)
            record_days(acme, 0)
            return dropped
        finally:
            is_over.set()

    assert at_once(work, 2)[1] == []
    (told,) = apart.faults()
    assert told.startswith("Tables of usage are in use, or cannot be maintained: ")
    assert "the weeks of allocation_usageminute, the weeks of allocation_usagehour" in told
    assert UsageMinute.objects.count() == 3
    assert len(maintain_partitions(at=LATER)) == 14
    assert maintain_partitions(at=LATER) == []
    assert list(apart.faults()) == []


@pytest.mark.django_db(transaction=True)
def test_weeks_are_made_while_usage_comes_in(acme: Scope, search: Scope) -> None:
    """What was on its way to the rest is not refused."""
    is_over = threading.Event()

    def work(number: int) -> int:
        if number == 2:
            try:
                for ahead in range(8):
                    maintain_weeks(at=AT + timedelta(days=7 * ahead))
            finally:
                is_over.set()
            return 0
        recorded = 0
        while not is_over.is_set():
            times = [AT - timedelta(days=day) for day in range(0, 30, 3)]
            recorded += record_usage(
                events=[event(occurred_at=at) for at in times], key_scope_id=acme.pk, at=AT
            ).accepted
        return recorded

    recorded = sum(at_once(work, 3))
    assert recorded
    for table in (UsageDay, UsageScopeDay):
        assert sum(table.objects.values_list("requests", flat=True)) == recorded
