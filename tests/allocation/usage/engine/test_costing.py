import json
from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from allocation.usage.models import UsageRecord
from tests.allocation.usage.sent_bodies import counts, fresh, one, post


@pytest.mark.parametrize("cost", ["1e-99999", "1e-999999999", "0e-999999"])
def test_a_cost_below_every_coin_is_nothing_at_once(sender: APIClient, cost: str) -> None:
    assert counts(post(sender, b"[" + b",".join(fresh(cost=cost) for _ in range(200)) + b"]")) == (200, 0, [])
    assert set(UsageRecord.objects.values_list("cost", "price_source")) == {(Decimal(0), "provider")}


def test_what_a_sender_claims_is_recorded_as_claimed(sender: APIClient) -> None:
    """A sender may say that a call cost nothing. The record says who said so: never the catalogue."""
    events = [
        one(id="billed", cost="0"),
        one(id="cached", cached_response=True),
        one(id="failed", status="error"),
        one(id="ours"),
    ]
    assert counts(post(sender, json.dumps(events).encode())) == (4, 0, [])
    assert dict(UsageRecord.objects.values_list("event_id", "price_source")) == {
        "billed": "provider",
        "cached": "response_cache",
        "failed": "none",
        "ours": "genai-prices",
    }
