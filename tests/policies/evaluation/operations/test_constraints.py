"""The stored limits follow the document in force, without new usage."""

import pytest

from governance.work.models import DirtyScope
from policies.constraints.models import Constraint
from policies.constraints.operations import release_constraint
from policies.decisions.queries.statement import decide
from policies.evaluation.operations import sweep
from policies.guardrails.operations import retire_guardrail
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Actor, Apply, Spend, evaluate
from tests.policies.evaluation.limits import limits
from tests.policies.evaluation.told import LATER, decision

pytestmark = pytest.mark.usefixtures("finops_channel", "budget", "blocked")
BLOCK = "block: {message: The approved budget is used up.}"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        pytest.param(MONTHLY_BUDGET, "advisory", id="advises"),
        pytest.param(MONTHLY_BUDGET, "dry_run", id="is only tried out"),
        pytest.param(MONTHLY_BUDGET.replace(f"        - {BLOCK}\n", ""), "soft_mandatory", id="has no block"),
        pytest.param(MONTHLY_BUDGET.replace(BLOCK, "block: {models: [o3]}"), "hard_mandatory", id="blocks o3 only"),
    ],
)
@pytest.mark.parametrize("evaluation", [evaluate, lambda at: sweep(at=at)], ids=["dirty", "swept"])
def test_a_lowered_guardrail_lets_go_with_the_next_evaluation(
    apply: Apply, text: str, level: str, evaluation: object
) -> None:
    assert decision() == "deny"
    apply(text, level=level, at=LATER)
    evaluation(LATER)  # type: ignore[operator]  # either of the two
    assert decision(at=LATER) == "allow"


def test_a_guardrail_applied_is_evaluated_where_it_is_in_force(apply: Apply) -> None:
    apply(level="advisory", at=LATER)
    assert list(DirtyScope.objects.values_list("scope__path", flat=True)) == ["acme/search"]
    assert evaluate(LATER) == 1
    released = Constraint.objects.get()
    assert (released.status, released.released_at, released.release_reason) == (
        "released", LATER, "The guardrail no longer sets this limit.",
    )  # fmt: skip


def test_a_guardrail_retired_is_evaluated_where_it_is_in_force() -> None:
    retire_guardrail(name="monthly-budget", actor=SYSTEM, reason="Not needed.", at=LATER)
    evaluate(LATER)
    assert limits() == [("monthly-budget", "released")]


def test_other_models_are_limited_by_the_same_constraint(apply: Apply) -> None:
    before = Constraint.objects.get()
    apply(MONTHLY_BUDGET.replace(BLOCK, "block: {models: ['o3*'], message: No o3.}"), at=LATER)
    sweep(at=LATER)
    after = Constraint.objects.get()
    assert (after.pk, after.model_patterns, after.evidence["message"]) == (before.pk, ["o3*"], "No o3.")
    assert after.version_id != before.version_id
    answers = [decide(scope_path="acme/search", model=model, at=LATER).decision for model in ("o3-pro", "gpt-4o")]
    assert answers == ["deny", "allow"]


def test_another_message_is_what_a_decision_says(apply: Apply) -> None:
    apply(MONTHLY_BUDGET.replace("The approved budget is used up.", "Ask Fay for more."), at=LATER)
    sweep(at=LATER)
    assert [reason.detail for reason in decide(scope_path="acme/search", model="m", at=LATER).reasons] == [
        "Ask Fay for more."
    ]


def test_what_a_person_lifted_stays_lifted_when_the_guardrail_is_edited(apply: Apply, team_lead: Actor) -> None:
    release_constraint(constraint_id=Constraint.objects.get().pk, actor=team_lead, reason="The demo.", at=LATER)
    apply(MONTHLY_BUDGET.replace("owner: finops@", "owner: fay@"), at=LATER)
    evaluate(LATER)
    sweep(at=LATER)
    assert limits() == [("monthly-budget", "released")]


def test_a_reason_is_as_fresh_as_its_figure(apply: Apply, spend: Spend) -> None:
    apply(MONTHLY_BUDGET.replace(BLOCK, "block: {}"), at=AT)
    evaluate()
    spend("acme/search", "46.00", at=LATER)
    evaluate(LATER)
    [reason] = decide(scope_path="acme/search", model="m", at=LATER).reasons
    assert (reason.observed, "150.00" in reason.detail, "104.00" in reason.detail) == (150.0, True, False)
