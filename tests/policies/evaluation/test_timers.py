"""What time alone changes happens with the next run of `policies.evaluate_dirty_scopes`, not with the next sweep."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budgets.plans.models import Budget
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.work.models import DirtyScope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation import operations
from policies.guardrails.models import GuardrailState
from tests.budgets.conftest import grant_by_two
from tests.policies.conftest import AT, MONTHLY_BUDGET, Apply, Spend, evaluate

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")

WAITING = MONTHLY_BUDGET.replace("when: used >= amount\n", "when: used >= amount\n      for: 5m\n")
HOLDING = MONTHLY_BUDGET.replace("when: used >= amount\n", "when: used >= amount\n      min_hold: 10m\n")
REPEATING = MONTHLY_BUDGET.replace(
    'notify: {to: [owner, "email:finops"]}', 'notify: {to: ["email:finops"], repeat_every: 1h}'
)
PERIOD_END = datetime(2026, 12, 1, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def run_due(at: datetime) -> int:
    """As the task does; how many scopes were due."""
    due = operations.mark_due_scopes(at=at)
    evaluate(at)
    return due


def limits() -> list[str]:
    return list(Constraint.objects.order_by("id").values_list("status", flat=True))


def test_a_step_with_a_wait_fires_when_its_wait_is_over(apply: Apply, spend: Spend) -> None:
    apply(WAITING)
    spend("acme/search", "104.00")
    evaluate()
    assert (run_due(after(4.9)), limits()) == (0, [])
    assert (run_due(after(5)), limits()) == (1, ["active"])
    assert run_due(after(6)) == 0


def test_a_minimum_hold_ends_on_time(apply: Apply, spend: Spend, budget: Budget, finance: Actor) -> None:
    apply(HOLDING)
    spend("acme/search", "104.00")
    evaluate()
    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="More.", at=after(1))
    evaluate(after(1))
    assert limits() == ["active"]
    assert (run_due(after(10)), limits()) == (1, ["released"])


def test_a_notification_repeats_on_time_and_once(apply: Apply, spend: Spend) -> None:
    apply(REPEATING)
    spend("acme/search", "85.00")
    evaluate()
    assert (run_due(after(59)), Delivery.objects.count()) == (0, 1)
    assert (run_due(after(60)), Delivery.objects.count()) == (1, 2)
    assert (run_due(after(60)), Delivery.objects.count()) == (0, 2)


def test_the_end_of_a_period_ends_its_limits_at_once(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    assert run_due(PERIOD_END - timedelta(seconds=1)) == 0
    assert run_due(PERIOD_END) == 1
    assert limits() == ["expired"]
    assert Alert.objects.get().resolve_reason == "period ended"
    assert GuardrailState.objects.count() == 0


def test_what_waits_for_evaluation_is_not_marked_again(apply: Apply, spend: Spend) -> None:
    apply(WAITING)
    spend("acme/search", "104.00")
    evaluate()
    assert operations.mark_due_scopes(at=after(5)) == 1
    assert operations.mark_due_scopes(at=after(6)) == 0
    assert DirtyScope.objects.get().generation == 1


def test_a_beat_that_comes_twice_does_nothing_twice(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    operations.sweep(at=after(1))
    operations.sweep(at=after(1))
    run_due(after(1))
    assert (Alert.objects.count(), limits(), Delivery.objects.count()) == (1, ["active"], 3)
