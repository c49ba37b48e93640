from datetime import timedelta

import pytest
from django.db import connection

from allocation.unit_economics.queries import agent_scopes, task_sizes
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.database_owner import as_owner

PERIOD = {"since": AT.date(), "until": AT.date() + timedelta(days=1)}


def sizes(scope: Scope) -> list[tuple[int, int]]:
    return [(band.at_least, band.tasks) for band in task_sizes(scope_id=scope.pk, **PERIOD).bands]


def test_bands_begin_at_powers_of_two(acme: Scope) -> None:
    tokens = (0, 1, 2, 3, 4, 7, 8, 2**30 - 1, 2**30)
    record_usage(
        events=[event(task_id=f"t-{each}", tokens={"input": each}) for each in tokens], key_scope_id=acme.pk, at=AT
    )
    found = task_sizes(scope_id=acme.pk, **PERIOD)
    assert [(band.at_least, band.tasks) for band in found.bands if band.tasks] == [
        (1, 2), (2, 2), (4, 2), (8, 1), (2**29, 1), (2**30, 1),
    ]  # fmt: skip
    assert len(found.bands) == 31
    assert not found.are_estimated


def test_of_very_many_one_in_128_counts_for_all(acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [event(task_id=f"t-{each}", tokens={"input": 100}) for each in range(300)]
    with as_owner(), connection.cursor() as cursor:
        # Of 300 numbers that follow each other from here, sixteen are in the sample.
        cursor.execute(
            "SELECT setval('allocation_task_id_seq', (last_value / 2048 + 1) * 2048 - 1) FROM allocation_task_id_seq"
        )
    record_usage(events=sent, key_scope_id=acme.pk, at=AT)
    assert sizes(search) == [(64, 300)]
    monkeypatch.setattr(agent_scopes, "COUNTED_MAX", 299)
    found = task_sizes(scope_id=search.pk, **PERIOD)
    assert ([(band.at_least, band.tasks) for band in found.bands], found.are_estimated) == ([(64, 128 * 16)], True)
    monkeypatch.setattr(agent_scopes, "COUNTED_MAX", 300)
    assert not task_sizes(scope_id=search.pk, **PERIOD).are_estimated


def test_the_index_of_the_sample_is_of_the_rows_that_are_asked_for(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'task_sampled'")
        assert "((id % (2048)::bigint) < 16)" in cursor.fetchone()[0]
