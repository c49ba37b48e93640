"""A row that the database refuses is set aside, and told; everything else is written."""

from decimal import Decimal

import pytest
from django.db import connection

from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from governance.messages.models import Delivery
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap, EvaluationRun
from policies.evaluation.operations import constraints, evaluate_next_dirty_scopes, sweep
from policies.guardrails.engine.types import ConstraintInForce, ScopeView
from policies.guardrails.models import GuardrailState
from tests.database_owner import as_owner
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate
from tests.policies.evaluation.limits import LATER, limits

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")
SUMMARY = MONTHLY_BUDGET.replace("monthly-budget", "another-budget")


@pytest.fixture
def ads(acme: Scope, author: Actor, finance: Actor) -> Scope:
    """A team with a budget of its own, and an id above that of acme/search."""
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    proposed = create_budget(scope=ads, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)
    return ads


def refuse(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    constraint_evidence = constraints.constraint_evidence

    def refused(in_force: ConstraintInForce, scope: ScopeView) -> dict[str, object]:
        return {"limit": "\0"} if scope.path == path else constraint_evidence(in_force, scope)

    monkeypatch.setattr(constraints, "constraint_evidence", refused)


def refuse_with_a_trigger(guardrail: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.guardrail = '{guardrail}' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW;
            END $$;
            CREATE TRIGGER refuse_some BEFORE INSERT ON policies_alert
            FOR EACH ROW EXECUTE FUNCTION refuse_some();
            """
        )


@pytest.mark.parametrize(
    ("refused", "written"),
    [
        pytest.param("acme/ads", "acme/search", id="the highest id"),
        pytest.param("acme/search", "acme/ads", id="the lowest id"),
    ],
)
def test_a_row_the_database_refuses_keeps_no_other_scope_from_being_written(
    apply: Apply, spend: Spend, ads: Scope, monkeypatch: pytest.MonkeyPatch, refused: str, written: str
) -> None:
    refuse(monkeypatch, refused)
    apply()
    spend(ads.path, "104.00")
    spend("acme/search", "104.00")
    assert evaluate() == 1
    sweep(at=AT)
    assert list(Constraint.objects.values_list("scope__path", flat=True)) == [written]
    assert list(Alert.objects.values_list("scope__path", flat=True)) == [written]
    assert DirtyScope.objects.count() == 0


def test_a_state_that_cannot_be_read_holds_its_own_guardrail_and_is_told_once(
    apply: Apply, spend: Spend, ads: Scope
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    GuardrailState.objects.update(state={"steps": [{"name": 5}]})
    spend("acme/search", "1.00")
    spend(ads.path, "104.00")

    for _ in range(2):
        evaluate()
        sweep(at=LATER)

    assert set(Constraint.objects.values_list("scope__path", "status")) == {
        ("acme/search", "active"),
        ("acme/ads", "active"),
    }
    (gap,) = DataGap.objects.filter(cause="error")
    assert "what it remembers cannot be read" in gap.reason
    assert DirtyScope.objects.count() == 0


def test_the_only_scope_refused_is_settled_too(apply: Apply, spend: Spend, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "acme/search")
    apply()
    spend("acme/search", "104.00")
    assert (evaluate(), evaluate_next_dirty_scopes(at=LATER)) == (1, False)


def test_what_is_set_aside_is_told_once_and_ends_when_it_can_be_written(
    apply: Apply, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        refuse(broken, "acme/search")
        apply()
        spend("acme/search", "104.00")
        evaluate()
        sweep(at=AT)
        sweep(at=LATER)
        gap = DataGap.objects.get()
        assert (gap.cause, gap.guardrails, gap.scopes_count, gap.ended_at) == ("error", ["monthly-budget"], 1, None)
        assert gap.reason.startswith("Held: what was found cannot be stored (")
        told = Delivery.objects.filter(message__event_type="guardrail.data_gap").values_list("to", flat=True)
        assert sorted(told) == [["ada@example.com"], ["fay@example.com"]]
        run = EvaluationRun.objects.order_by("id").last()
        assert run is not None
        assert run.errors == [f"monthly-budget on acme/search: {gap.reason}"]
    sweep(at=LATER)
    assert limits() == [("monthly-budget", "active")]
    assert DataGap.objects.get().ended_at == LATER


def test_another_guardrail_on_the_same_scope_is_written(apply: Apply, spend: Spend) -> None:
    refuse_with_a_trigger("monthly-budget")
    apply()
    apply(SUMMARY)
    spend("acme/search", "104.00")
    assert evaluate() == 1
    assert limits() == [("another-budget", "active")]
    assert DataGap.objects.get().guardrails == ["monthly-budget"]
