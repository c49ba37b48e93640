"""The shared cases of guardrails, each with its right value."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, submit_budget
from budgets.plans.models import Budget
from governance.messages.models import Delivery
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import AlertEvent
from policies.decisions.queries.statement import decide
from tests.budgets.conftest import grant_by_two
from tests.policies.commands import run
from tests.policies.conftest import AT, CASES, SYSTEM, evaluate, needs_cases

LOWERED, RAISED, MESSAGES = (
    CASES / "fail" / name
    for name in ("01-lowered-level-keeps-blocking", "02-raised-level-blocks-silently", "24-messages")
)
BLOCKED = "Calls to all models are blocked until 1 December 2026 at the latest."


def apply(file: Path) -> None:
    call_command("apply", str(file), verbosity=0)


@pytest.fixture
def finance(request: pytest.FixtureRequest, db: None, settings: object) -> Actor:
    """The case's document is applied, its budget approved, its team has an owner and has spent 110 of 100."""
    apply(request.param / "before.yaml")
    scope = Scope.objects.get(path="kase/team")
    owner = User.objects.create_user("owner@example.com", "a long password")
    Ownership.objects.create(scope=scope, user=owner, persona="engineering", decision_right="")
    user = User.objects.create_user("fay@example.com", "a long password", is_staff=True, is_superuser=True)
    budget = Budget.objects.get()
    if budget.status != "submitted":
        submit_budget(budget_id=budget.pk, actor=SYSTEM, at=AT)
    approver = Actor.of_user(user)
    approve_budget(budget_id=budget.pk, actor=approver, reason="Agreed.", at=AT)
    event = UsageEvent.model_validate(
        {"id": "e", "source": "test", "occurred_at": AT, "scope": "kase/team", "provider": "openai", "model": "gpt-4o",
         "tokens": {"input": 1}, "cost": Decimal(110)}
    )  # fmt: skip
    record_usage(events=[event], key_scope_id=scope.pk, at=AT)
    evaluate()
    return approver


def answers(*models: str) -> list[str]:
    return [decide(scope_path="kase/team", model=model, at=AT).decision for model in models]


@needs_cases
@pytest.mark.parametrize("finance", [LOWERED], indirect=True)
@pytest.mark.parametrize(
    ("after", "gpt_4o", "o3"),
    [
        ("advisory", "allow", "allow"),
        ("dry-run", "allow", "allow"),
        ("no-block", "allow", "allow"),
        ("other-model", "allow", "deny"),
    ],
)
@pytest.mark.usefixtures("finance")
def test_01_a_lowered_guardrail_lets_go_without_new_usage(after: str, gpt_4o: str, o3: str) -> None:
    assert answers("gpt-4o", "o3") == ["deny", "deny"]
    apply(LOWERED / f"after-{after}.yaml")
    evaluate()
    assert answers("gpt-4o", "o3") == [gpt_4o, o3]


@needs_cases
@pytest.mark.parametrize("finance", [RAISED], indirect=True)
@pytest.mark.usefixtures("finance")
def test_02_a_raised_guardrail_blocks_and_tells_its_owner_once() -> None:
    assert (answers("gpt-4o"), Delivery.objects.count()) == (["allow"], 0)
    apply(RAISED / "after.yaml")
    evaluate()
    evaluate()
    assert answers("gpt-4o") == ["deny"]
    assert list(Delivery.objects.values_list("to", flat=True)) == [["owner@example.com"]]


@needs_cases
def test_19_a_guardrail_that_divides_by_a_budget_of_zero_blocks() -> None:
    folder = CASES / "fail" / "19-daily-burn-of-a-zero-budget"
    assert run("test", str(folder / "daily-burn-with-one-more-test.yaml")).endswith("5 test(s), 0 failed\n")


@needs_cases
@pytest.mark.parametrize("finance", [MESSAGES], indirect=True)
def test_24_a_release_is_told_to_whom_the_block_was_told_with_its_money(finance: Actor) -> None:
    grant_by_two(budget_id=Budget.objects.get().pk, amount=Decimal(100), actor=finance, reason="More.", at=AT)
    evaluate()
    assert answers("gpt-4o") == ["allow"]
    told = Delivery.objects.order_by("created_at", "id").values_list("to", "message__title", "message__text")
    assert sorted(told) == [
        (["owner@example.com"], "kase-stop: resolved on kase/team",
         "110.00 USD of 200.00 USD is used. kase-stop no longer blocks calls to all models."),
        (["owner@example.com"], "kase-stop: stop on kase/team",
         "110.00 USD of 100.00 USD is used. Used up. " + BLOCKED),
    ]  # fmt: skip
    notified = AlertEvent.objects.filter(kind="notified").order_by("id")
    assert list(notified.values_list("evidence__trigger", flat=True)) == ["started", "resolved"]
