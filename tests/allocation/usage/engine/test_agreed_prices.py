"""A price that leaves something out is none: what the sender claims counts, where that was agreed on."""

from decimal import Decimal

import pytest

from allocation.meters.documents import Money
from allocation.prices.engine.pricing import PriceList
from allocation.usage.engine.agreed_prices import as_agreed, else_billed
from allocation.usage.engine.call_prices import NO_PRICE, Priced
from tests.allocation.conftest import event
from tests.allocation.usage.costed import NOON_S

PRICED = Priced("genai-prices", "0.2.3", 5000)
PARTLY = PRICED._replace(unpriced_meters=("web_search",))
CLAIM = Money(amount=Decimal("0.002"), currency="USD")


@pytest.mark.parametrize(
    ("priced", "claim", "nanos"),
    [
        pytest.param(PRICED, CLAIM, 5000, id="the catalogue's"),
        pytest.param(NO_PRICE, CLAIM, 2_000_000, id="none, so the sender's"),
        pytest.param(PARTLY, CLAIM, 2_000_000, id="searches have no price, so the sender's"),
        pytest.param(PARTLY, None, 5000, id="nobody claims"),
        pytest.param(NO_PRICE, Money(amount=Decimal(1), currency="JPY"), None, id="no exchange rate leads from it"),
    ],
)
def test_the_catalogues_else_the_senders(priced: Priced, claim: Money | None, nanos: int | None) -> None:
    call = event(claimed_cost=claim)
    assert else_billed(call, priced, PriceList("USD"), NOON_S, "provider").cost_nanos == nanos


def test_a_credit_and_what_costs_nothing_stay() -> None:
    stated = [event(cost=Decimal(cost)) for cost in ("-1", "0")]
    assert [as_agreed(each, "catalogue") for each in stated] == stated
