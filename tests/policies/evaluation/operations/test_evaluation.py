from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budgets.plans.models import Budget
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.records.queries import verify_chain
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from governance.work.operations import claim_dirty_scopes, settle_dirty_scopes
from policies.alerts.models import Alert, AlertEvent
from policies.constraints.models import Constraint
from policies.evaluation.operations import evaluate_next_dirty_scopes, sweep
from policies.guardrails.models import GuardrailState
from policies.guardrails.operations import retire_guardrail
from tests.budgets.conftest import grant_by_two
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate
from tests.policies.evaluation.told import LATER, decision, deliveries

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


NEXT_MONTH = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)


def test_nothing_dirty_is_nothing_to_do(acme: Scope) -> None:
    evaluate()
    assert evaluate_next_dirty_scopes(at=AT) is False


def test_spend_below_the_budget_leaves_no_trace(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "79.99")
    assert evaluate() == 1
    assert (Alert.objects.count(), Constraint.objects.count(), GuardrailState.objects.count()) == (0, 0, 0)
    assert DirtyScope.objects.count() == 0
    assert decision() == "allow"


def test_crossing_both_steps_at_once_tells_once_and_blocks(
    apply: Apply, spend: Spend, search: Scope, ranker: Scope
) -> None:
    apply()
    spend("acme/search/ranker", "104.00")
    evaluate()
    spend("acme/search/ranker", "1.00", at=LATER)
    evaluate(LATER)
    sweep(at=LATER)

    [alert] = Alert.objects.all()
    assert (alert.status, alert.step, alert.severity, alert.scope, alert.level) == (
        "firing", "block", "high", search, "hard_mandatory",
    )  # fmt: skip
    [constraint] = Constraint.objects.all()
    assert (constraint.status, constraint.scope, constraint.step, constraint.owner, constraint.expires_at) == (
        "active", search, "block", "finops@example.com", datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    assert constraint.evidence == {
        "limit": 100.0, "observed": 105.0, "unit": "USD", "message": "The approved budget is used up.",
    }  # fmt: skip
    assert deliveries() == [
        ("monthly-budget: block on acme/search", "ada@example.com"),
        ("monthly-budget: block on acme/search", "fay@example.com"),
        ("monthly-budget: block on acme/search", "finops@example.com"),
    ]
    assert decision("acme/search/ranker") == "deny"
    assert decision("acme") == "allow"


def test_money_granted_releases_without_anybody_resetting_anything(
    apply: Apply, spend: Spend, budget: Budget, finance: Actor
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="The launch is worth it.", at=LATER)
    evaluate(LATER)

    [constraint] = Constraint.objects.all()
    assert (constraint.status, constraint.released_by, constraint.released_at) == ("released", "weir", LATER)
    [alert] = Alert.objects.all()
    assert (alert.status, alert.resolved_at) == ("resolved", LATER)
    assert decision(at=LATER) == "allow"
    assert [(event.kind, event.step) for event in AlertEvent.objects.order_by("id")] == [
        ("step_started", "warn"),
        ("step_started", "block"),
        ("constrained", "block"),
        ("notified", "block"),
        ("step_ended", "warn"),
        ("step_ended", "block"),
        ("released", "block"),
        ("resolved", ""),
        ("notified", "block"),
    ]
    assert list(
        DecisionRecord.objects.filter(action__startswith="constraint.").order_by("seq").values_list("action", "subject")
    ) == [
        ("constraint.impose", "guardrail:monthly-budget/block"),
        ("constraint.release", "guardrail:monthly-budget/block"),
    ]


def test_a_second_crossing_in_the_same_period_is_told_again(
    apply: Apply, spend: Spend, budget: Budget, finance: Actor
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="More.", at=LATER)
    evaluate(LATER)
    spend("acme/search", "50.00", at=LATER)
    evaluate(LATER)
    assert Alert.objects.count() == 2
    assert Delivery.objects.count() == 3 + 3 + 3  # blocked, released, blocked again
    assert decision(at=LATER) == "deny"


def test_a_restart_sends_nothing_again(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "85.00")
    evaluate()
    before = Delivery.objects.count()
    for minute in range(3):
        sweep(at=LATER + timedelta(minutes=minute))
    assert (before, Delivery.objects.count()) == (3, 3)


def test_a_new_period_resolves_and_releases(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    sweep(at=NEXT_MONTH)
    [alert] = Alert.objects.all()
    assert (alert.status, alert.resolve_reason) == ("resolved", "period ended")
    [constraint] = Constraint.objects.all()
    assert (constraint.status, constraint.release_reason) == ("expired", "period ended")
    assert GuardrailState.objects.count() == 0
    assert decision(at=NEXT_MONTH) == "allow"


def test_a_constraint_ends_with_its_period_even_when_no_sweep_comes(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    assert decision(at=NEXT_MONTH) == "allow"


def test_a_retired_guardrail_lets_go(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    retire_guardrail(name="monthly-budget", actor=SYSTEM, reason="Replaced.", at=LATER)
    sweep(at=LATER)
    assert Alert.objects.get().resolve_reason == "The guardrail was retired."
    assert Constraint.objects.get().release_reason == "The guardrail was retired."
    assert GuardrailState.objects.count() == 0


def test_a_guardrail_that_no_longer_matches_lets_go(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    apply(MONTHLY_BUDGET.replace("kinds: [team]", "kinds: [product]"), at=LATER)
    sweep(at=LATER)
    assert Alert.objects.get().resolve_reason == "The guardrail no longer matches this scope."
    assert Constraint.objects.get().status == "released"


def test_dry_run_records_and_does_nothing(apply: Apply, spend: Spend) -> None:
    apply(level="dry_run")
    spend("acme/search", "104.00")
    evaluate()
    assert (Delivery.objects.count(), Constraint.objects.count()) == (0, 0)
    assert [(event.kind, event.step) for event in AlertEvent.objects.order_by("id")] == [
        ("step_started", "warn"),
        ("step_started", "block"),
        ("would_notify", "warn"),
        ("would_notify", "block"),
        ("would_constrain", "block"),
    ]
    assert decision() == "allow"


def test_advisory_tells_and_does_not_block(apply: Apply, spend: Spend) -> None:
    apply(level="advisory")
    spend("acme/search", "104.00")
    evaluate()
    assert (Delivery.objects.count(), Constraint.objects.count()) == (3, 0)


@pytest.mark.parametrize(("level", "told_before"), [("dry_run", 0), ("advisory", 3)])
def test_raising_the_level_constrains_what_is_already_breached_and_tells(
    apply: Apply, spend: Spend, level: str, told_before: int
) -> None:
    apply(level=level)
    spend("acme/search", "104.00")
    evaluate()
    assert Delivery.objects.count() == told_before
    apply(level="hard_mandatory", at=LATER)
    evaluate(LATER)
    sweep(at=LATER)
    assert Constraint.objects.get().status == "active"
    changed = Delivery.objects.filter(message__event_type="guardrail.step_changed")
    assert (Delivery.objects.count() - told_before, changed.count()) == (3, 3)
    assert {message["data"]["blocks"] for message in changed.values_list("message", flat=True)} == {True}


def test_usage_posted_during_an_evaluation_stays_dirty(apply: Apply, spend: Spend, search: Scope) -> None:
    apply()
    spend("acme/search", "10.00")
    claims = claim_dirty_scopes(limit=10, at=AT)
    spend("acme/search", "95.00")
    settle_dirty_scopes(claims=claims, at=AT)
    assert DirtyScope.objects.filter(scope=search).count() == 1
    evaluate(LATER)
    assert decision(at=LATER) == "deny"


def test_the_chain_of_records_holds_after_many_at_once(apply: Apply, spend: Spend) -> None:
    for number in range(5):
        apply(MONTHLY_BUDGET.replace("monthly-budget", f"budget-{number}"))
    spend("acme/search", "104.00")
    evaluate()
    assert DecisionRecord.objects.filter(action="constraint.impose").count() == 5
    assert verify_chain().broken is None
