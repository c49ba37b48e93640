from decimal import Decimal

import pytest

from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from governance.messages.models import Delivery
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import Alert, AlertEvent
from policies.constraints.models import Constraint
from policies.evaluation.operations import constraints, evaluate_next_dirty_scopes, sweep
from policies.guardrails.engine.types import ConstraintInForce, ScopeView
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate
from tests.policies.evaluation.limits import BY_RATIO, LATER, limits

pytestmark = pytest.mark.usefixtures("finops_channel")


@pytest.mark.usefixtures("budget")
def test_a_storm_is_written_in_portions_and_told_once(
    apply: Apply, spend: Spend, acme: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policies.evaluation.operations.evaluation.WRITE_FINDINGS_MAX", 2)
    for number in range(3):
        apply(MONTHLY_BUDGET.replace("monthly-budget", f"budget-{number}").replace("[team]", "[team, organisation]"))
    apply(BY_RATIO.replace("budget.used_ratio", "cost, window: 24h").replace("[team]", "[organisation]"))
    spend("acme/search", "104.00")
    spend("acme", "1.00")
    assert evaluate() == 1
    evaluate(LATER)
    assert limits() == [("budget-0", "active"), ("budget-1", "active"), ("budget-2", "active"), ("by-ratio", "active")]
    assert AlertEvent.objects.filter(kind="step_started").count() == 7
    assert Delivery.objects.count() == 18


@pytest.mark.usefixtures("budget")
def test_a_row_the_database_refuses_keeps_no_other_scope_from_being_written(
    apply: Apply, spend: Spend, acme: Scope, author: Actor, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    proposed = create_budget(scope=ads, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)
    constraint_evidence = constraints.constraint_evidence

    def refused_for_ads(in_force: ConstraintInForce, scope: ScopeView) -> dict[str, object]:
        return {"limit": "\0"} if scope.path == "acme/ads" else constraint_evidence(in_force, scope)

    monkeypatch.setattr(constraints, "constraint_evidence", refused_for_ads)
    apply()
    spend("acme/ads", "104.00")
    spend("acme/search", "104.00")
    evaluate_next_dirty_scopes(at=AT)
    sweep(at=AT)
    assert list(Constraint.objects.values_list("scope__path", flat=True)) == ["acme/search"]
    assert sorted(Alert.objects.values_list("scope__path", flat=True)) == ["acme/search"]
