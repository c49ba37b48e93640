"""A call whose usage nobody states has no cost; it does not cost 0."""

from datetime import timedelta
from decimal import Decimal

import pytest

from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from allocation.usage.queries import UnmeasuredCalls, unmeasured_calls
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event


@pytest.mark.parametrize(
    ("tokens", "more", "wanted"),
    [
        pytest.param({}, {}, (None, "none"), id="nothing stated"),
        pytest.param({"input": 0, "output": 0}, {}, (None, "none"), id="noughts stated"),
        pytest.param({"input": 1000}, {}, (Decimal("0.0025"), "genai-prices"), id="input alone"),
        pytest.param({"output": 100}, {}, (Decimal("0.001"), "genai-prices"), id="output alone"),
        pytest.param({}, {"cost": "0.5"}, (Decimal("0.5"), "provider"), id="a bill without counts"),
        pytest.param({}, {"cached_response": True}, (Decimal(0), "response_cache"), id="from the gateway's own cache"),
    ],
)
def test_what_a_call_without_counts_costs(
    search: Scope, tokens: dict[str, int], more: dict[str, object], wanted: tuple[Decimal | None, str]
) -> None:
    record_usage(events=[event(tokens=tokens, **more)], key_scope_id=search.pk, at=AT)

    record = UsageRecord.objects.get()
    assert (record.cost, record.price_source) == wanted
    assert UsageDay.objects.get().unpriced_requests == (1 if wanted[0] is None else 0)


def test_unmeasured_calls_are_told_from_unpriced_ones(search: Scope) -> None:
    calls = [
        event(id="silent", tokens={}),
        event(id="unlisted", model="in-house-7b"),
        event(id="failed", tokens={}, status="error"),
        event(id="searched", tokens={}, model="in-house-7b", quantities={"web_search": "1"}),
        event(id="agent", tokens={}, cost="0"),
    ]
    record_usage(events=calls, key_scope_id=search.pk, at=AT)

    assert [record.event_id for record in UsageRecord.objects.unmeasured()] == ["silent"]
    assert {record.event_id for record in UsageRecord.objects.all() if record.is_unmeasured} == {"silent"}
    assert unmeasured_calls(actor=SYSTEM, since=AT - timedelta(days=1)) == [
        UnmeasuredCalls("gateway", "openai", "gpt-4o", 1, event().occurred_at)
    ]
    assert unmeasured_calls(actor=SYSTEM, since=AT) == []
