import pytest

from governance.messages.models import Delivery
from governance.scopes.models import Scope
from policies.alerts.models import AlertEvent
from tests.policies.conftest import MONTHLY_BUDGET, Apply, Spend, evaluate
from tests.policies.evaluation.limits import BY_RATIO, LATER, limits

pytestmark = pytest.mark.usefixtures("finops_channel")


@pytest.mark.parametrize("many", [1, 10_000], ids=["behind this thread, the next evaluated ahead", "each in its turn"])
@pytest.mark.usefixtures("budget")
def test_a_storm_is_written_in_portions_and_told_once(
    apply: Apply, spend: Spend, acme: Scope, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policies.evaluation.operations.portions.WRITE_FINDINGS_MAX", 2)
    for module in ("portions", "transitions"):
        monkeypatch.setattr(f"policies.evaluation.operations.{module}.MANY", many)
    for number in range(3):
        apply(MONTHLY_BUDGET.replace("monthly-budget", f"budget-{number}").replace("[team]", "[team, organisation]"))
    apply(BY_RATIO.replace("budget.used_ratio", "cost, window: 24h").replace("[team]", "[organisation]"))
    spend("acme/search", "104.00")
    spend("acme", "1.00")
    assert evaluate() == 1
    evaluate(LATER)
    assert limits() == [("budget-0", "active"), ("budget-1", "active"), ("budget-2", "active"), ("by-ratio", "active")]
    assert AlertEvent.objects.filter(kind="step_started").count() == 7
    assert Delivery.objects.count() == 9
