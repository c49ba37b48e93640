from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pydantic import TypeAdapter
from pytest_django import DjangoAssertNumQueries

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from governance.documents import load_documents
from governance.organisations.operations import create_api_key
from governance.scopes.models import Scope
from policies.constraints.models import Constraint
from tests.policies.asked import ask
from tests.policies.conftest import AT, SYSTEM

pytestmark = pytest.mark.usefixtures("budget")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def test_a_free_scope_is_allowed(api: Client, search: Scope) -> None:
    answer = ask(api, {"scope": "acme/search", "model": "gpt-4o", "estimated_tokens": 500})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "decision": "allow", "reasons": [], "evaluated_at": None, "data_age_seconds": None,
            "stale": False, "snapshot_age_seconds": 0,
        },
    )  # fmt: skip


@pytest.mark.usefixtures("blocked")
def test_a_refusal_says_which_limit_whose_and_until_when(api: Client, ranker: Scope) -> None:
    answer = ask(api, {"scope": "acme/search/ranker", "model": "gpt-4o"}).json()
    assert answer["decision"] == "deny"
    assert answer["reasons"] == [
        {
            "code": "blocked_by_guardrail", "guardrail": "monthly-budget", "step": "block", "scope": "acme/search",
            "limit": 100.0, "observed": 104.0, "unit": "USD", "resets_at": "2026-12-01T00:00:00+00:00",
            "retryable": True, "detail": "The approved budget is used up.",
        }
    ]  # fmt: skip
    assert answer["evaluated_at"] == "2026-11-24T12:00:00Z"
    assert answer["data_age_seconds"] == 0


@pytest.mark.usefixtures("blocked")
def test_a_constraint_on_some_models_leaves_the_others(api: Client) -> None:
    Constraint.objects.update(model_patterns=["gpt-4*"])
    assert ask(api, {"scope": "acme/search", "model": "gpt-4o"}).json()["decision"] == "deny"
    assert ask(api, {"scope": "acme/search", "model": "gpt-5-nano"}).json()["decision"] == "allow"


def test_a_decision_is_one_statement(
    api: Client, search: Scope, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    question = {"scope": "acme/search", "model": "gpt-4o"}
    ask(api, question)  # notes the key's use, which happens once a minute
    with django_assert_num_queries(0):  # by Django's own cursors: the statement goes past them
        assert ask(api, question).status_code == 200


RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: teams}
spec:
  organisation: acme
  keys:
    - {key_alias: ranker-prod, scope: acme/search/ranker}
  rules:
    - {name: search, when: {team: "search*"}, scope: acme/search}
"""


@pytest.fixture
def rules(ranker: Scope) -> None:
    del ranker
    document = TypeAdapter(AttributionRulesDocument).validate_python(load_documents(RULES, source="rules.yaml")[0].data)
    apply_attribution_rules(document, actor=SYSTEM, at=AT)


@pytest.mark.usefixtures("blocked", "rules")
@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        pytest.param({"team": "search-eu"}, "deny", id="a team, by a rule"),
        pytest.param({"attributes": {"team": "search-eu"}}, "deny", id="the same among the attributes"),
        pytest.param({"key_alias": "ranker-prod"}, "deny", id="a key below the blocked scope"),
        pytest.param({"key_hash": "f" * 64}, "allow", id="a key nobody knows is nobody's"),
        pytest.param({"team": "ads", "attributes": {"stage": "prod"}}, "allow", id="a team without a rule"),
        pytest.param({}, "allow", id="nothing said"),
        pytest.param({"scope": "acme", "team": "search-eu"}, "allow", id="a scope named comes before all"),
    ],
)
def test_a_question_without_a_scope_is_attributed_as_its_usage(api: Client, asked: Any, decision: str) -> None:
    answer = ask(api, {"model": "gpt-4o", **asked})
    assert (answer.status_code, answer.json()["decision"]) == (200, decision)


@pytest.mark.usefixtures("blocked")
def test_a_narrow_keys_question_is_about_its_own_scope(search: Scope) -> None:
    text = create_api_key(scope=search, permissions=["decisions:read"], actor=SYSTEM, at=AT)[1]
    narrow = Client(headers={"Authorization": f"Bearer {text}"})
    assert ask(narrow, {"model": "gpt-4o"}).json()["decision"] == "deny"
    refused = ask(Client(headers={"Authorization": "Bearer weir_no_key"}), {"model": "gpt-4o"})
    assert (refused.status_code, refused.json()["code"]) == (401, "key_invalid")
