from budgets.plans.models import Budget
from tests.policies.commands import run
from tests.policies.conftest import Apply, Spend, evaluate


def test_explain_says_what_was_read_and_why(apply: Apply, spend: Spend, budget: Budget) -> None:
    apply()
    spend("acme/search", "85.00")
    evaluate()
    said = run("explain", "monthly-budget", "--scope", "acme/search")
    assert "monthly-budget v1 on acme/search" in said
    assert "step warn" in said
