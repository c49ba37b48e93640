import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from allocation.usage.models import UsageRecord
from allocation.usage.operations import IngestResult, record_usage, records
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.database_owner import as_owner

STAGED = "INSERT INTO allocation_usagerecord"

ways = pytest.mark.parametrize("few", [0, 100], ids=["copied", "inserted as JSON"])


@ways
def test_only_what_was_not_recorded_before_is_new(acme: Scope, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FEW", few)
    first, later = event(id="one"), event(id="one", occurred_at="2026-11-24T12:00:00.000001Z")
    batches = [[first, event(id="two")], [later, first, event(id="two"), event(id="three")]]
    results = [record_usage(events=batch, key_scope_id=acme.pk, at=AT) for batch in batches]
    assert results == [IngestResult(2, 0, ()), IngestResult(2, 2, ())]
    assert UsageRecord.objects.count() == 4


def test_both_ways_store_the_same(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = []
    for few in (0, 100):
        monkeypatch.setattr(records, "FEW", few)
        with as_owner():
            UsageRecord.objects.all().delete()
        record_usage(
            events=[
                event(
                    id="one", attributes={"team": "a\\b"}, latency_ms=7, quantities={"image": "1.5"}, mended=["status"]
                ),
                event(id="two", status="error", tokens={"input": 10}, claimed_cost="0.25", gpu_seconds="2.5"),
            ],
            key_scope_id=acme.pk,
            at=AT,
        )  # fmt: skip
        stored.append(list(UsageRecord.objects.order_by("event_id").values()))
    assert stored[0] == stored[1]


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few records a batch has."""
    monkeypatch.setattr(records, "FEW", 0)
    monkeypatch.setattr(records, "_repeats", records._Repeats())


def recorded(acme: Scope, *ids: str) -> tuple[IngestResult, bool]:
    """What became of the records, and whether a temporary table told what was new."""
    with CaptureQueriesContext(connection) as captured:
        result = record_usage(events=[event(id=each) for each in ids], key_scope_id=acme.pk, at=AT)
    return result, any(STAGED in query["sql"] for query in captured)


def test_a_repeat_is_looked_for_only_where_one_is_expected(copying: None, acme: Scope) -> None:
    assert recorded(acme, "one", "two") == (IngestResult(2, 0, ()), False)
    assert recorded(acme, "two", "three") == (IngestResult(1, 1, ()), True), "the copy was refused"
    assert recorded(acme, "four") == (IngestResult(1, 0, ()), True), "the last one had a repeat"
    assert recorded(acme, "five") == (IngestResult(1, 0, ()), False), "the last one had none"
    assert recorded(acme, "one", "five") == (IngestResult(0, 2, ()), True)
    assert sorted(UsageRecord.objects.values_list("event_id", flat=True)) == ["five", "four", "one", "three", "two"]


def test_records_are_copied_month_by_month(copying: None, acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(records, "_copied", lambda text: copied.append(text) or False)
    months = ["2026-11-24T12:00:00Z", "2026-10-31T23:59:59Z"]
    events = [event(id=str(number), occurred_at=months[number % 2]) for number in range(8)]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).accepted == 8
    written = [line.split("\t")[:2] for line in copied[0].splitlines()]
    assert [occurred_at[:7] for _, occurred_at in written] == ["2026-10"] * 4 + ["2026-11"] * 4
    assert written == sorted(written, key=lambda line: (line[1][:7], line[0]))
