from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgets.plans.engine.amounts import budget_quantity, ledger_quantity, plain, spoken

amounts = st.decimals(min_value=0, max_value=10**12, places=9)


@given(st.sampled_from(["money", "tokens", "gpu_hours"]), amounts)
def test_what_a_budget_says_survives_the_ledger(unit: str, amount: Decimal) -> None:
    assert budget_quantity(unit, ledger_quantity(unit, amount)) == amount


@pytest.mark.parametrize(
    ("unit", "amount", "currency", "wanted"),
    [
        ("money", "1234.5", "USD", "1,234.50 USD"),
        ("money", "0.000000001", "EUR", "0.000000001 EUR"),
        ("tokens", "1E+6", "", "1,000,000 tokens"),
        ("gpu_hours", "2.500", "", "2.5 GPU hours"),
    ],
)
def test_amounts_are_spoken_without_losing_a_digit(unit: str, amount: str, currency: str, wanted: str) -> None:
    assert spoken(unit, Decimal(amount), currency) == wanted


@given(amounts)
def test_plain_text_is_the_same_number(amount: Decimal) -> None:
    assert Decimal(plain(amount)) == amount
