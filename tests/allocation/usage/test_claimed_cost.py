"""What a sender reckons a call cost stands beside the cost that counts, and never in its place."""

from decimal import Decimal

import pytest

from allocation.meters.documents import Money
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event

LISTED = Decimal("0.0035")


@pytest.mark.parametrize(
    ("claim", "stored"),
    [
        pytest.param({}, None, id="nothing claimed"),
        pytest.param({"claimed_cost": Decimal("0.0041")}, Decimal("0.0041"), id="in the organisation's currency"),
        pytest.param(
            {"claimed_cost": Money(amount=Decimal("0.0041"), currency="USD")}, Decimal("0.0041"), id="in dollars"
        ),
        pytest.param(
            {"claimed_cost": Money(amount=Decimal(3), currency="CHF")}, None, id="in a currency without a rate"
        ),
        pytest.param({"claimed_cost": Decimal(0)}, Decimal(0), id="nothing is a claim too"),
    ],
)
def test_a_claim_is_kept_and_not_counted(search: Scope, claim: dict[str, object], stored: Decimal | None) -> None:
    result = record_usage(events=[event(**claim)], key_scope_id=search.pk, at=AT)

    assert (result.accepted, result.rejected) == (1, ())
    record = UsageRecord.objects.get()
    assert (record.cost, record.price_source, record.claimed_cost) == (LISTED, "genai-prices", stored)
    assert UsageDay.objects.get().cost == LISTED


def test_an_estimate_is_marked(search: Scope) -> None:
    record_usage(events=[event(id="counted"), event(id="reckoned", estimated=True)], key_scope_id=search.pk, at=AT)

    assert dict(UsageRecord.objects.values_list("event_id", "is_estimated")) == {"counted": False, "reckoned": True}
