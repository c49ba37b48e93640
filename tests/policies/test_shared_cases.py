"""The shared cases of guardrails, each with its right value."""

from tests.policies.commands import run
from tests.policies.conftest import CASES, needs_cases


@needs_cases
def test_19_a_guardrail_that_divides_by_a_budget_of_zero_blocks() -> None:
    folder = CASES / "fail" / "19-daily-burn-of-a-zero-budget"
    assert run("test", str(folder / "daily-burn-with-one-more-test.yaml")).endswith("5 test(s), 0 failed\n")
