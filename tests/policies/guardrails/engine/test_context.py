import pytest

from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.types import IDLE
from tests.policies.guardrails.engine.guardrails import AT, SCOPE, compiled, facts, played, step


def test_without_a_budget_there_is_nothing_to_measure() -> None:
    policy = compiled(step("stop", "spend >= allowance"))
    outcomes = played(
        policy,
        (0, {"spend": 10.0, "allowance": "absent"}),
        (5, {"spend": 10.0, "allowance": 5.0}),
        (10, {"spend": 10.0, "allowance": "absent"}),
    )
    assert outcomes[0] is IDLE
    assert [one.status for one in outcomes] == ["idle", "firing", "no_data"]
    assert policy.explain(
        ScopeContext(SCOPE, facts(policy, {"spend": 1.0, "allowance": "absent"}, AT), AT), None
    ).reason == ("there is no allowance (budget.daily_share.money) for acme/search.")


@pytest.mark.parametrize(
    ("quality", "status"),
    [
        pytest.param(0.95, "firing", id="given and good"),
        pytest.param(0.5, "idle", id="given and bad"),
        pytest.param(None, "idle", id="missing, and asked for with has()"),
    ],
)
def test_an_optional_fact_may_be_missing(quality: float | None, status: str) -> None:
    optional = {"spend": {"fact": "cost", "window": "24h"}, "quality": {"fact": "budget.used_ratio", "optional": True}}
    policy = compiled(step("s", "spend > 1 && has( quality ) && quality > 0.9"), facts=optional)
    assert played(policy, (0, {"spend": 5.0, "quality": quality}))[0].status == status


def test_an_optional_fact_read_without_has_holds_while_missing() -> None:
    optional = {"spend": {"fact": "cost", "window": "24h"}, "quality": {"fact": "budget.used_ratio", "optional": True}}
    policy = compiled(step("s", "spend > 1 && quality > 0.9"), facts=optional)
    outcome = played(policy, (0, {"spend": 5.0}))[0]
    assert (outcome.status, outcome.reason) == ("no_data", "Held: step s: quality is missing.")


def test_scopes_can_be_read() -> None:
    policy = compiled(step("s", "spend > 1 && scope.labels.env == 'prod' && scope.path.startsWith('acme/')"))
    assert played(policy, (0, {"spend": 5.0, "allowance": 1.0}))[0].status == "firing"
