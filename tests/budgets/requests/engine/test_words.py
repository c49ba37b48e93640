from datetime import UTC, datetime
from decimal import Decimal

import pytest

from budgets.requests.engine.words import limit_in_words

RESETS = datetime(2026, 12, 1, tzinfo=UTC)
UNTIL, TWO = "until 1 December 2026.", "fay@example.com or zoe@example.com"
ASK = "Ask for more with POST /api/v1/quota-requests: "


@pytest.mark.parametrize(
    ("amounts", "deciders", "sentence"),
    [
        (
            ("96.2", "100", "3.8"), ("fay@example.com",),
            f"acme has used 96.20 USD of 100.00 USD, 3.80 USD left, {UNTIL} {ASK}fay@example.com decides.",
        ),
        (
            ("130", "100", "-30"), ("fay@example.com", "zoe@example.com"),
            f"acme has used 130.00 USD of 100.00 USD, 30.00 USD too much, {UNTIL} {ASK}{TWO} decides.",
        ),
        (None, (), f"The budget in money of acme limits it {UNTIL} {ASK}an administrator decides."),
    ],
)  # fmt: skip
def test_a_limit_is_said_money_first(
    amounts: tuple[str, str, str] | None, deciders: tuple[str, ...], sentence: str
) -> None:
    told = None if amounts is None else (Decimal(amounts[0]), Decimal(amounts[1]), Decimal(amounts[2]))
    assert limit_in_words("acme", "money", "USD", RESETS, deciders, amounts=told) == sentence
