"""A share of nothing, by what the nothing is."""

import pytest

from tests.policies.guardrails.engine.guardrails import FACTS, compiled, played, step


@pytest.mark.parametrize(
    ("share", "values", "fires"),
    [
        pytest.param("spend / amount >= 5", {"spend": 0.01}, True, id="any spending is beyond every threshold"),
        pytest.param("spend / amount >= 1", {"spend": 0.0}, True, id="nothing spent: used up"),
        pytest.param("spend / amount >= 1.01", {"spend": 0.0}, False, id="nothing spent: used up, and no more"),
        pytest.param("100 * spend / amount >= 100", {"spend": 0.0}, True, id="in per cent"),
        pytest.param("spend / (amount * 2) >= 0.5", {"spend": 0.0}, True, id="of a multiple"),
        pytest.param("spend / amount / 2 >= 0.5", {"spend": 0.0}, True, id="divided again"),
        pytest.param("(amount - spend) / amount <= 0", {"spend": 0.0}, True, id="nothing is left of nothing"),
        pytest.param("left / amount < 0", {"spend": 3.0, "left": -3.0}, True, id="less than nothing is left"),
        pytest.param("spend / left >= 1", {"spend": 0.0, "left": 0.0}, True, id="a share of what is left"),
        pytest.param("1 - left / amount >= 1", {"spend": 0.0}, True, id="what is used, by what is left"),
        pytest.param("share >= 1", {"spend": 0.0}, True, id="by a variable"),
    ],
)
def test_a_share_of_a_budget_of_zero_is_used_up(share: str, values: dict[str, float], fires: bool) -> None:
    read = {
        "spend": {"fact": "cost", "window": "24h"},
        "amount": {"fact": "budget.amount"},
        "left": {"fact": "budget.remaining"},
    }
    policy = compiled(step("stop", share), facts=read, variables={"share": "spend / amount"})
    outcome = played(policy, (0, {"amount": 0.0, "left": 0.0, **values}))[0]
    assert outcome.status == ("firing" if fires else "idle")


def test_a_zero_that_is_not_the_budgets_is_a_division_by_zero() -> None:
    read = {**FACTS, "calls": {"fact": "requests", "window": "24h"}}
    policy = compiled(step("stop", "spend / (allowance * calls) >= 1"), facts=read)
    outcome = played(policy, (0, {"spend": 1.0, "allowance": 10.0, "calls": 0.0}))[0]
    assert (outcome.status, outcome.reason) == ("error", "Held: step stop: division by zero.")
