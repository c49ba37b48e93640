"""What goes wrong with one guardrail, one clock or one budget stays there, and is seen."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from budgets.approvals.operations import approve_budget, create_budget, give_back, submit_budget
from budgets.plans.models import Budget
from governance.messages.models import Delivery
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.decisions.queries.statement import decide
from policies.evaluation.models import DataGap
from policies.evaluation.operations import sweep
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.types import Evaluation, GuardrailState
from policies.guardrails.models import GuardrailState as StoredState
from policies.guardrails.operations import retire_guardrail
from tests.budgets.conftest import end_by_two
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate
from tests.policies.evaluation.limits import BY_RATIO, LATER, limits

pytestmark = pytest.mark.usefixtures("finops_channel")


OTHER = MONTHLY_BUDGET.replace("monthly-budget", "another-budget")


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Evaluating the guardrail raises something nobody foresaw."""
    explain = CompiledPolicy.explain

    def let(name: str) -> None:
        def failing(policy: CompiledPolicy, context: object, previous: GuardrailState | None) -> Evaluation:
            if policy.name == name:
                raise ArithmeticError("beyond all reckoning")
            return explain(policy, context, previous)  # type: ignore[arg-type]  # passed on

        monkeypatch.setattr(CompiledPolicy, "explain", failing)

    return let


@pytest.mark.usefixtures("budget")
def test_a_guardrail_that_fails_is_held_and_stops_no_other(
    apply: Apply, spend: Spend, fails: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    apply()
    apply(OTHER)
    fails("another-budget")
    spend("acme/search", "104.00")
    evaluate()
    assert limits() == [("monthly-budget", "active")]
    gap = DataGap.objects.get()
    assert (gap.cause, gap.guardrails) == ("error", ["another-budget"])
    assert "beyond all reckoning" in gap.reason
    assert caplog.messages.count("guardrail another-budget failed on acme/search") == 1


@pytest.mark.usefixtures("budget")
def test_a_limit_outlives_a_failure_of_its_guardrail_but_not_its_period(
    apply: Apply, spend: Spend, fails: Callable[[str], None]
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    fails("monthly-budget")
    sweep(at=LATER)
    assert limits() == [("monthly-budget", "active")]
    sweep(at=AT + timedelta(days=7))
    assert limits() == [("monthly-budget", "expired")]
    assert Alert.objects.get().status == "resolved"


@pytest.mark.usefixtures("budget")
def test_a_clock_that_goes_back_changes_nothing(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    sweep(at=AT - timedelta(hours=1))
    sweep(at=AT - timedelta(days=40))
    assert limits() == [("monthly-budget", "active")]
    assert Alert.objects.get().status == "firing"
    assert Delivery.objects.filter(message__event_type="guardrail.step_started").count() == 3
    assert decide(scope_path="acme/search", model="gpt-4o", at=AT - timedelta(seconds=5)).decision == "deny"


def test_ending_a_budget_does_not_lift_its_limits(
    apply: Apply, spend: Spend, search: Scope, author: Actor, finance: Actor
) -> None:
    proposed = create_budget(scope=search, amount=Decimal(100), actor=author, at=AT, period="quarter")
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approved = approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)
    apply()
    spend("acme/search", "104.00")
    evaluate()
    end_by_two(budget_id=approved.pk, actor=finance, reason="The project is over.", at=LATER)
    evaluate(LATER)
    sweep(at=LATER + timedelta(days=1))
    assert limits() == [("monthly-budget", "active")]
    sweep(at=AT + timedelta(days=45))
    assert limits() == [("monthly-budget", "expired")]


def test_a_budget_with_nothing_left_in_it_still_holds_back(
    apply: Apply, spend: Spend, budget: Budget, finance: Actor
) -> None:
    give_back(budget_id=budget.pk, amount=Decimal(100), actor=finance, reason="Not needed.", at=AT)
    apply(BY_RATIO)
    evaluate()
    assert limits() == []
    spend("acme/search", "0.01")
    evaluate()
    assert limits() == [("by-ratio", "active")]
    assert DataGap.objects.count() == 0


@pytest.mark.usefixtures("budget")
def test_a_guardrail_under_a_new_name_takes_over(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    apply(OTHER, at=LATER)
    retire_guardrail(name="monthly-budget", actor=SYSTEM, reason="Renamed.", at=LATER)
    sweep(at=LATER)
    assert limits() == [("another-budget", "active"), ("monthly-budget", "released")]
    assert sorted(StoredState.objects.values_list("guardrail", flat=True)) == ["another-budget"]


@pytest.mark.usefixtures("budget")
def test_a_scope_that_moves_takes_its_limits_along_and_leaves_what_no_longer_speaks_to_it(
    apply: Apply, spend: Spend, acme: Scope, search: Scope
) -> None:
    apply()
    apply(OTHER.replace("{kinds: [team]}", '{kinds: [team], paths: ["acme/*"]}'))
    spend("acme/search", "104.00")
    evaluate()
    unit = create_scope(slug="retail", kind="business_unit", parent=acme, actor=SYSTEM, at=AT)
    Scope.objects.filter(pk=search.pk).update(parent=unit)
    assert decide(scope_path="acme/retail/search", model="gpt-4o", at=LATER).decision == "deny"
    sweep(at=LATER)
    assert limits() == [("another-budget", "released"), ("monthly-budget", "active")]
    assert Delivery.objects.filter(message__event_type="guardrail.step_started").count() == 6
