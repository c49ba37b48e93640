"""A call whose usage nobody states has no cost; it does not cost 0."""

from decimal import Decimal

import pytest

from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event


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
