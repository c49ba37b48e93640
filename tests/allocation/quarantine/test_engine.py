from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from allocation.quarantine.engine import Amount, Waiting, WaitingAmount, claimed

OLDEST = datetime(2026, 11, 20, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "amount"),
    [
        (None, None),
        ({}, None),
        ({"cost": "12.5"}, Amount(Decimal("12.5"))),
        ({"cost": {"amount": 3, "currency": "eur"}}, Amount(Decimal(3), "EUR")),
        ({"cost": None, "claimed_cost": 0.25}, Amount(Decimal("0.25"))),
        ({"cost": "-4"}, Amount(Decimal(-4))),
        ({"cost": "NaN"}, None),
        ({"cost": "a lot"}, None),
        ({"cost": True}, None),
        ({"cost": "1e300"}, None),
        ({"cost": {"replaced": "text"}}, None),
        ({"cost": {"amount": 1, "currency": "euros"}}, None),
        ({"cost": "0.12345678901"}, Amount(Decimal("0.123456789"))),
    ],
)
def test_what_a_refused_record_states_to_cost(payload: dict[str, Any] | None, amount: Amount | None) -> None:
    assert claimed(payload) == amount


@pytest.mark.parametrize(
    ("waiting", "sentence"),
    [
        (
            Waiting(1, 1, OLDEST, []),
            (
                "1 record waits in quarantine, of which nobody knows what they cost, the oldest since 20 November 2026"
                " 07:05 UTC."
            ),
        ),
        (
            Waiting(1200, 3, OLDEST, [WaitingAmount("EUR", Decimal("9.5")), WaitingAmount("USD", Decimal(310))]),
            (
                "9.50 EUR and 310.00 USD not counted yet: 1,200 records wait in quarantine, 3 of them without a known"
                " amount, the oldest since 20 November 2026 07:05 UTC."
            ),
        ),
        (
            Waiting(2, 0, OLDEST, [WaitingAmount("USD", Decimal("0.0071"))]),
            "0.0071 USD not counted yet: 2 records wait in quarantine, the oldest since 20 November 2026 07:05 UTC.",
        ),
    ],
)
def test_money_comes_first(waiting: Waiting, sentence: str) -> None:
    assert waiting.sentence == sentence
