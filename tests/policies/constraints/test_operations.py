from decimal import Decimal

import pytest

from budgets.plans.models import Budget
from governance.people.rules import Actor
from policies.constraints.models import Constraint
from policies.constraints.operations import release_constraint
from policies.evaluation.operations import sweep
from tests.budgets.conftest import grant_by_two
from tests.policies.conftest import Apply, Spend, evaluate
from tests.policies.evaluation.told import LATER, decision

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


def test_a_person_lifts_a_limit_until_a_new_crossing(
    apply: Apply, spend: Spend, budget: Budget, finance: Actor, team_lead: Actor
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    release_constraint(constraint_id=Constraint.objects.get().pk, actor=team_lead, reason="Launch night.", at=LATER)
    spend("acme/search", "1.00", at=LATER)
    evaluate(LATER)
    sweep(at=LATER)
    assert [one.status for one in Constraint.objects.all()] == ["released"]
    assert decision(at=LATER) == "allow"

    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="More.", at=LATER)
    evaluate(LATER)
    spend("acme/search", "60.00", at=LATER)
    evaluate(LATER)
    assert [one.status for one in Constraint.objects.order_by("id")] == ["released", "active"]
