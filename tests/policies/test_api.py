from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from governance.organisations.operations import create_api_key, create_scope, revoke_api_key
from governance.people.models import ApiKey
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from tests.policies.asked import ask
from tests.policies.conftest import AT, SYSTEM, Apply, Spend, evaluate

pytestmark = pytest.mark.usefixtures("budget")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ("", 400, "body_empty"),
        ("[" * 10_000, 400, "json_too_deep"),
        ({"scope": "acme/search"}, 422, "validation_failed"),
        ({"scope": "acme/search", "model": "gpt-4o", "modle": "x"}, 422, "validation_failed"),
        ({"scope": "acme/search", "model": "gpt-4o", "estimated_tokens": -1}, 422, "validation_failed"),
        ({"scope": "acme/nowhere", "model": "gpt-4o"}, 404, "scope_unknown"),
        ({"scope": "acme/search", "model": "x" * 20_000}, 413, "body_too_large"),
        ({"scope": "a\x00b", "model": "gpt-4o"}, 422, "nul_character"),
    ],
)
def test_a_bad_question_is_a_problem(api: Client, body: Any, status: int, code: str) -> None:
    answer = ask(api, body)
    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (
        status, code, "application/problem+json",
    )  # fmt: skip


def test_who_may_not_ask(client: Client, acme: Scope, search: Scope, key: str) -> None:
    question = {"scope": "acme/search", "model": "gpt-4o"}
    assert ask(client, question).json()["code"] == "not_authenticated"
    assert ask(client, question, Authorization="Bearer weir_0123456789_x").status_code == 401
    other = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    foreign = create_api_key(scope=other, permissions=["decisions:read"], actor=SYSTEM, at=AT)[1]
    assert ask(client, question, Authorization=f"Bearer {foreign}").json()["code"] == "scope_unknown"
    writer = create_api_key(scope=acme, permissions=["usage:write"], actor=SYSTEM, at=AT)[1]
    assert ask(client, question, Authorization=f"Bearer {writer}").json()["code"] == "permission_missing"
    assert client.get("/api/v1/decisions").status_code == 405
    revoke_api_key(key_id=ApiKey.objects.get(prefix=key.split("_")[1]).pk, actor=SYSTEM, at=AT)
    assert ask(client, question, Authorization=f"Bearer {key}").status_code == 401


@pytest.mark.usefixtures("blocked")
def test_what_belongs_to_another_organisation_is_not_there(client: Client) -> None:
    other = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    permissions = ["alerts:read", "alerts:write", "constraints:read"]
    foreign = create_api_key(scope=other, permissions=permissions, actor=SYSTEM, at=AT)[1]
    headers = {"Authorization": f"Bearer {foreign}"}
    alert, constraint = Alert.objects.get(), Constraint.objects.get()
    assert client.get("/api/v1/alerts", headers=headers).json()["results"] == []
    assert client.get("/api/v1/constraints", headers=headers).json()["results"] == []
    for method, path in (
        ("GET", f"/api/v1/alerts/{alert.pk}"),
        ("POST", f"/api/v1/alerts/{alert.pk}/acknowledge"),
        ("GET", f"/api/v1/constraints/{constraint.pk}"),
    ):
        assert client.generic(method, path, headers=headers, content_type="application/json").status_code == 404


@pytest.mark.usefixtures("blocked")
def test_a_person_releases_a_constraint_and_a_key_does_not(api: Client, client: Client, team_lead: Actor) -> None:
    constraint = Constraint.objects.get()
    path, body = f"/api/v1/constraints/{constraint.pk}/release", {"reason": "Launch night."}
    assert api.post(path, body, content_type="application/json").status_code == 403
    assert team_lead.user is not None
    client.force_login(team_lead.user)
    answer = client.post(path, body, content_type="application/json")
    assert (answer.status_code, answer.json()["status"], answer.json()["released_by"]) == (
        200, "released", "sam@example.com",
    )  # fmt: skip
    assert client.post(path, body, content_type="application/json").json()["code"] == "constraint_not_active"


def test_guardrails_and_their_versions_are_listed(api: Client, apply: Apply) -> None:
    apply()
    apply(level="dry_run")
    [found] = api.get("/api/v1/guardrails").json()["results"]
    assert (found["name"], found["number"], found["level"]) == ("monthly-budget", 2, "dry_run")
    versions = api.get("/api/v1/guardrails/monthly-budget/versions").json()["results"]
    assert [(one["number"], one["is_active"]) for one in versions] == [(2, True), (1, False)]
    assert api.get("/api/v1/guardrails/monthly-budget").json()["number"] == 2
    assert api.get("/api/v1/guardrails/nothing").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/api/v1/alerts", 2),  # the key, the page
        ("/api/v1/constraints", 2),
        ("/api/v1/guardrails", 3),  # and whom each may concern
    ],
)
def test_a_list_costs_the_same_however_long(
    api: Client, apply: Apply, spend: Spend, search: Scope, count: int, path: str, queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    from tests.policies.conftest import MONTHLY_BUDGET

    for number in range(count):
        apply(MONTHLY_BUDGET.replace("monthly-budget", f"budget-{number}"))
    spend("acme/search", "104.00")
    evaluate()
    api.get(path)
    with django_assert_num_queries(queries):
        assert len(api.get(path).json()["results"]) == count
