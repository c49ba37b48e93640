from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from django.test import Client

from allocation.meters.documents import UsageEvent
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from budgets.plans.models import Budget
from governance.documents import load_documents
from governance.messages.models import Channel
from governance.organisations.operations import create_api_key
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.evaluation.operations import evaluate_next_dirty_scopes
from policies.guardrails.documents import GuardrailPolicy, parse_guardrail
from policies.guardrails.operations import apply_guardrail_policy

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SYSTEM = Actor.system()

MONTHLY_BUDGET = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: monthly-budget, owner: finops@example.com}
spec:
  severity: high
  match: {kinds: [team]}
  facts:
    used: {fact: budget.used}
    amount: {fact: budget.amount}
  steps:
    - name: warn
      when: used >= 0.8 * amount
      severity: medium
      actions:
        - notify: {to: [owner, "email:finops"]}
    - name: block
      when: used >= amount
      actions:
        - notify: {to: [owner, "email:finops"]}
        - block: {message: The approved budget is used up.}
  enforcement: {level: LEVEL}
"""


def policy(text: str) -> GuardrailPolicy:
    return parse_guardrail(load_documents(text, source="test.yaml")[0])


Apply = Callable[..., None]
Spend = Callable[..., None]


def person(email: str, scope: Scope, persona: str, right: str) -> Actor:
    user = User.objects.create_user(email, "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
    return Actor.of_user(user)


@pytest.fixture
def author(acme: Scope) -> Actor:
    return person("ada@example.com", acme, "engineering", "")


@pytest.fixture
def finance(acme: Scope) -> Actor:
    return person("fay@example.com", acme, "finance", "approve_budget")


@pytest.fixture
def team_lead(search: Scope) -> Actor:
    return person("sam@example.com", search, "engineering", "constrain_demand")


@pytest.fixture
def finops_channel(acme: Scope) -> Channel:
    return Channel.objects.create(scope=acme, kind="email", name="finops", to=["finops@example.com"])


@pytest.fixture
def budget(search: Scope, author: Actor, finance: Actor) -> Budget:
    """100 dollars a month for acme/search."""
    proposed = create_budget(scope=search, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    return approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)


@pytest.fixture
def apply() -> Apply:
    def applied(text: str = MONTHLY_BUDGET, *, level: str = "hard_mandatory", at: datetime = AT) -> None:
        apply_guardrail_policy(policy(text.replace("LEVEL", level)), actor=SYSTEM, at=at)

    return applied


@pytest.fixture
def spend(acme: Scope) -> Spend:
    numbers = count()

    def spent(path: str, cost: str, *, at: datetime = AT) -> None:
        event = UsageEvent.model_validate(
            {
                "id": f"event-{next(numbers)}", "source": "test", "occurred_at": at, "scope": path,
                "provider": "openai", "model": "gpt-4o", "tokens": {"input": 100, "output": 10}, "cost": Decimal(cost),
            }
        )  # fmt: skip
        assert record_usage(events=[event], key_scope_id=acme.pk, at=at).accepted == 1

    return spent


@pytest.fixture
def key(acme: Scope) -> str:
    return create_api_key(
        scope=acme,
        permissions=["decisions:read", "alerts:read", "alerts:write", "constraints:read", "guardrails:read"],
        actor=SYSTEM,
        at=AT,
    )[1]


def evaluate(at: datetime = AT) -> int:
    """Until nothing is dirty; how many claims that took."""
    return sum(1 for _ in iter(lambda: evaluate_next_dirty_scopes(at=at), False))


@pytest.fixture
def api(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def blocked(apply: Apply, spend: Spend, budget: Budget) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
