"""What was measured, in one sentence a row: money first, each amount with its unit."""

from decimal import Decimal
from typing import Any

import pytest

from policies.guardrails.engine.facts import fact_key, unit_of
from policies.guardrails.engine.figures import figures
from policies.guardrails.engine.types import FactValue
from policies.guardrails.engine.wording import fact
from tests.policies.guardrails.engine.guardrails import AT


def read(name: str, value: str | None, window: str = "", unit: str = "", **more: Any) -> dict[str, Any]:
    key = fact_key(name, window, unit)
    return {"fact": name, "unit": unit_of(key), "value": value, **({"window": window} if window else {}), **more}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        pytest.param([read("budget.used", "1104.5"), read("budget.amount", "1000")],
                     "1,104.50 EUR of 1,000.00 EUR is used.", id="use of a budget"),
        pytest.param([read("budget.used_ratio", "1.1", used="110", amount="100", budget="money")],
                     "110.00 EUR of 100.00 EUR is used.", id="a ratio names its money"),
        pytest.param([read("budget.used_ratio", "0.9", unit="tokens", used="900", amount="1000", budget="tokens")],
                     "900 tokens of 1,000 tokens is used.", id="a budget of tokens"),
        pytest.param([read("budget.daily_share", "10"), read("cost", "25.004", "24h"), read("requests", "500", "24h")],
                     "the daily share of the budget is 10.00 EUR; 25.00 EUR was spent in the last 24h; "
                     "500 requests in the last 24h.", id="money before calls"),
        pytest.param([read("errors", "7", "5m"), read("tokens", "2000000", "5m")],
                     "7 failed requests in the last 5m; 2,000,000 tokens in the last 5m.", id="no money at all"),
        pytest.param([read("cost", "3", "period_to_date"), read("unpriced_requests", "2", "1h")],
                     "3.00 EUR was spent in this period; 2 unpriced requests in the last 1h.", id="without a price"),
        pytest.param([read("budget.remaining", "-4.2")], "-4.20 EUR remains.", id="less than nothing"),
        pytest.param([read("budget.amount", "100"), read("cost", None, "1h")], "the budget is 100.00 EUR.",
                     id="what is missing is left out"),
        pytest.param([read("data.age", "12")], "", id="nothing that is spent"),
        pytest.param([read("budget.amount", "100"), read("forecast.period_end.low", "90"),
                      read("forecast.period_end.high", "130.5"), read("forecast.exhausted_in", "432001")],
                     "the budget is 100.00 EUR; 90.00 EUR to 130.50 EUR is expected by the end of the period; "
                     "the budget is expected to be spent in 5 days.", id="what is expected"),
        pytest.param([read("forecast.exhausted_in", "315360000")], "the budget is expected to last its period.",
                     id="no end in sight"),
        pytest.param([read("forecast.exhausted_in", "1")], "the budget is expected to be spent within two days.",
                     id="soon"),
        pytest.param([read("forecast.exhausted_in", "0")], "the budget is spent.", id="nothing left"),
    ],
)  # fmt: skip
def test_figures(facts: list[dict[str, Any]], sentence: str) -> None:
    assert figures({"facts": {f"fact{number}": each for number, each in enumerate(facts)}}, "EUR") == sentence


def test_without_inputs_there_are_no_figures() -> None:
    assert figures({"at": "2026-11-24T12:00:00+00:00"}, "EUR") == ""


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("budget.amount", FactValue(100.0, AT, exact=Decimal(100)), "100.00 CHF"),
        ("budget.used_ratio", FactValue(1.1, AT, exact=Decimal("1.1"), share=(Decimal(110), Decimal(100))),
         "110.0 % (110.00 CHF of 100.00 CHF)"),
        ("budget.used_ratio", FactValue(1.1, AT, exact=Decimal("1.1")), "1.10"),
        ("budget.amount", FactValue(None, AT), "missing"),
        ("budget.amount", None, "missing"),
    ],
)  # fmt: skip
def test_a_fact_in_a_reason_carries_its_currency(name: str, value: FactValue | None, written: str) -> None:
    assert fact(fact_key(name), value, "CHF") == written
