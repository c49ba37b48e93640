import pytest

from allocation.usage.models import UsageRecord
from allocation.usage.operations import IngestResult, record_usage, records
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event

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
