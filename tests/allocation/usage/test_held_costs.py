"""A claimed cost far off the price list's waits until a person has looked at it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.prices.engine.pricing import PriceList
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import ReplayResult, replay_quarantined
from allocation.usage.engine.call_prices import COST_HELD, Priced, price_of
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.errors import ReasonMissing
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.operations.test_price_books import apply_book

PRICES = PriceList("USD")


def price(ratio: int = 100, billed_by: str = "provider", **changes: Any) -> object:
    return price_of(event(**changes), PRICES, AT.timestamp(), billed_by, ratio)


@pytest.mark.parametrize(
    ("call", "is_held"),
    [
        pytest.param({"cost": "0.349"}, False, id="99.7 times the list's 0.0035"),
        pytest.param({"cost": "0.35"}, True, id="a hundred times"),
        pytest.param({"cost": "0.000036"}, False, id="a ninety-seventh"),
        pytest.param({"cost": "0.000035"}, True, id="a hundredth"),
        pytest.param({"cost": "0"}, False, id="said to be free"),
        pytest.param({"cost": "9", "model": "nobody-knows"}, False, id="no list price to measure by"),
        pytest.param({"cost": "9", "tokens": {}}, False, id="nothing was counted"),
        pytest.param({"cost": "9", "quantities": {"image": 4}}, False, id="the list prices it in part only"),
        pytest.param({"cost": "9", "cached_response": True}, False, id="from a gateway's cache"),
        pytest.param({"cost": "9", "status": "error"}, False, id="a failed call costs nothing anyway"),
        pytest.param({"cost": "-9"}, False, id="a credit"),
        pytest.param({}, False, id="no cost is stated"),
    ],
)
def test_what_is_held(call: dict[str, Any], is_held: bool) -> None:
    assert (price(**call) is COST_HELD) == is_held
    assert price(0, **call) is not COST_HELD
    assert price(billed_by="focus", **call) is not COST_HELD


@given(st.integers(2, 10_000), st.decimals("0.0001", "1000", places=4))
def test_it_is_held_from_the_bound_on_either_way(ratio: int, cost: Decimal) -> None:
    at_list = Decimal("0.0035")
    far = cost >= ratio * at_list or at_list >= ratio * cost
    held = price(ratio, cost=cost)
    assert (held is COST_HELD) == far
    assert far or (isinstance(held, Priced) and held.cost_nanos == int(cost * 10**9))


@pytest.fixture
def held(acme: Scope) -> Scope:
    """A gateway's claim of 0.5 for 0.0035, and one that is believed."""
    claims = [event(id="far", cost="0.5"), event(id="near", cost="0.004")]
    result = record_usage(events=claims, key_scope_id=acme.pk, source_format="litellm", at=AT)
    assert (result.accepted, [refused.code for refused in result.rejected]) == (1, ["cost_held"])
    return acme


def replay(**how: Any) -> ReplayResult:
    return replay_quarantined(actor=SYSTEM, at=AT, **how)


@pytest.mark.usefixtures("held")
def test_it_waits_until_a_person_accepts_it() -> None:
    assert replay() == ReplayResult(0, 0, {"cost_held": 1})
    with pytest.raises(ReasonMissing):
        replay(accept_costs=True)
    assert replay(accept_costs=True, reason="A price per image of our own.") == ReplayResult(1, 0, {})
    record = UsageRecord.objects.get(event_id="far")
    assert (record.cost, record.price_source) == (Decimal("0.5"), "provider")
    decided = DecisionRecord.objects.get(action="usage.replay")
    held_row = QuarantinedUsage.objects.get()
    assert (decided.reason, decided.evidence) == ("A price per image of our own.", {"records": [held_row.pk]})
    assert held_row.replayed_at == AT


@pytest.mark.usefixtures("held")
def test_a_price_that_is_near_frees_it() -> None:
    apply_book("""
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  prices: [{provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: 300, output: 1000}]
""")
    assert replay() == ReplayResult(1, 0, {})


@pytest.mark.parametrize(("source_format", "bills_held", "accepted"), [
    ("native", False, 1), ("cloudevents", False, 1), ("native", True, 0), ("otlp", False, 0),
    ("csv", False, 1), ("csv", True, 0), ("litellm-spend-log", False, 0),
])  # fmt: skip
def test_bills_are_believed_unless_the_installation_says_otherwise(
    acme: Scope, settings: Any, source_format: str, bills_held: bool, accepted: int
) -> None:
    settings.USAGE_BILLS_HELD = bills_held
    claims = [event(cost="0.5")]
    assert record_usage(events=claims, key_scope_id=acme.pk, source_format=source_format, at=AT).accepted == accepted
