"""Two organisations in one installation: a guardrail may speak to both, and nothing of one reaches the other."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from governance.messages.models import Channel, Delivery
from governance.organisations.operations import create_api_key, create_scope
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.decisions.queries.statement import decide
from policies.evaluation import operations
from policies.evaluation.models import DataGap
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate, person

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")

ONLY_ACME = MONTHLY_BUDGET.replace("{kinds: [team]}", '{kinds: [team], paths: ["acme/**"]}')
ONLY_GLOBEX = ONLY_ACME.replace("acme/**", "globex/**").replace("monthly-budget", "globex-budget")


@pytest.fixture
def globex(db: None) -> Scope:
    """With a team under the same name, its own money and its own channel of the same name."""
    root = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    team = create_scope(slug="search", kind="team", parent=root, actor=SYSTEM, at=AT)
    author, finance = (
        person("gus@globex.example", root, "engineering", ""),
        person("gia@globex.example", root, "finance", "approve_budget"),
    )
    proposed = create_budget(scope=team, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)
    Channel.objects.create(scope=root, kind="email", name="finops", to=["finops@globex.example"])
    return root


@pytest.fixture
def reader(client: Client) -> Callable[[Scope], Callable[[str], Any]]:
    def of(organisation: Scope) -> Callable[[str], Any]:
        key = create_api_key(
            scope=organisation, permissions=["alerts:read", "constraints:read", "guardrails:read"], actor=SYSTEM, at=AT
        )[1]
        return lambda path: client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})

    return of


@pytest.mark.usefixtures("globex")
def test_a_breach_in_one_is_neither_told_nor_held_against_the_other(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    assert list(Alert.objects.values_list("scope__path", flat=True)) == ["acme/search"]
    assert {address for one in Delivery.objects.all() for address in one.to} == {
        "ada@example.com", "fay@example.com", "finops@example.com",
    }  # fmt: skip
    assert decide(scope_path="acme/search", model="gpt-4o", at=AT).decision == "deny"
    assert decide(scope_path="globex/search", model="gpt-4o", at=AT).decision == "allow"


def test_what_one_cannot_see_is_not_told_to_the_other(apply: Apply, spend: Spend, globex: Scope) -> None:
    apply(MONTHLY_BUDGET.replace("used: {fact: budget.used}", "used: {fact: cost, window: 24h}"))
    spend("acme/search", "1.00")
    operations.sweep(at=AT)
    assert list(DataGap.objects.values_list("organisation__path", flat=True)) == ["globex"]
    assert {address for one in Delivery.objects.all() for address in one.to} == {
        "gus@globex.example", "gia@globex.example",
    }  # fmt: skip


def test_the_api_shows_each_its_own(
    apply: Apply, spend: Spend, globex: Scope, acme: Scope, reader: Callable[[Scope], Callable[[str], Any]]
) -> None:
    apply(ONLY_ACME)
    apply(ONLY_GLOBEX)
    spend("acme/search", "104.00")
    evaluate()
    alert, constraint = Alert.objects.get().pk, Constraint.objects.get().pk
    theirs, ours = reader(globex), reader(acme)
    assert [theirs(path).json()["results"] for path in ("alerts", "constraints")] == [[], []]
    assert [theirs(path).status_code for path in (f"alerts/{alert}", f"constraints/{constraint}")] == [404, 404]
    assert [ours(path).status_code for path in (f"alerts/{alert}", f"constraints/{constraint}")] == [200, 200]


def test_the_text_of_a_guardrail_for_another_organisation_is_not_shown(
    apply: Apply, globex: Scope, acme: Scope, reader: Callable[[Scope], Callable[[str], Any]]
) -> None:
    apply(ONLY_ACME)
    apply(ONLY_GLOBEX)
    apply(MONTHLY_BUDGET.replace("monthly-budget", "for-all"))
    theirs, ours = reader(globex), reader(acme)
    assert [one["name"] for one in theirs("guardrails").json()["results"]] == ["for-all", "globex-budget"]
    assert [one["name"] for one in ours("guardrails").json()["results"]] == ["for-all", "monthly-budget"]
    assert theirs("guardrails/monthly-budget").status_code == 404
    assert theirs("guardrails/monthly-budget/versions").json()["results"] == []
    assert ours("guardrails/monthly-budget").status_code == 200
