"""A backup holds every table for as long as it reads: nobody else may come to wait behind what waits for it."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from allocation.usage.models import UsageRecord
from allocation.usage.operations import existing_partitions, maintain_partitions, partitions, record_usage, seen_months
from config import apart
from governance.scopes.models import Scope
from policies.decisions.queries.statement import decide
from tests.allocation.conftest import AT, event, make_organisation

pytestmark = [pytest.mark.adversary("locks"), pytest.mark.django_db(transaction=True)]
OLD = AT - timedelta(days=100)


@pytest.fixture
def acme(transactional_db: None) -> Iterator[Scope]:
    root = make_organisation()
    record_usage(events=[event(occurred_at=OLD), event()], key_scope_id=root.pk, at=AT)
    yield root
    # A month that was dropped here is made again by the test that needs it next.
    seen_months.clear()


@pytest.fixture
def backup(acme: Scope) -> Iterator[psycopg.Connection]:
    """As `pg_dump` holds them, in a session of its own."""
    main = connection.settings_dict
    with psycopg.connect(
        dbname=main["NAME"], user=main["USER"], host=main["HOST"], port=main["PORT"], password=main["PASSWORD"] or None
    ) as other:
        other.execute("LOCK TABLE allocation_usagerecord IN ACCESS SHARE MODE")
        yield other
        other.rollback()


def test_retention_gives_way_to_a_backup_and_nobody_waits(
    acme: Scope, backup: psycopg.Connection, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_RETENTION_DAYS = 60
    monkeypatch.setattr(partitions, "DROP_PAUSE_S", 0.3)
    done: list[list[str]] = []

    def maintain() -> None:
        with connection.cursor() as cursor:  # so that it ends where nothing gives way
            cursor.execute("SET statement_timeout = '8s'")
        try:
            done.append(maintain_partitions(at=AT))
        finally:
            connections.close_all()

    thread = threading.Thread(target=maintain)
    thread.start()
    waited, calls = [], 0
    while thread.is_alive():
        began = time.monotonic()
        calls += record_usage(events=[event()], key_scope_id=acme.pk, at=AT).accepted
        decide(scope_path="acme/search", model="gpt-4o", at=AT)
        waited.append(time.monotonic() - began)
    thread.join()

    assert max(waited) < 1.0
    assert (done, UsageRecord.objects.filter(occurred_at__gte=OLD + timedelta(days=1)).count()) == ([[]], calls + 1)
    assert list(apart.faults()) == [
        "Tables of usage are in use, or cannot be maintained: the expired months: see the log; all others go on."
    ]
    backup.rollback()
    assert maintain_partitions(at=AT) == ["allocation_usagerecord_2026_08"]
    assert "allocation_usagerecord_2026_08" not in existing_partitions().values()
    assert list(apart.faults()) == []
