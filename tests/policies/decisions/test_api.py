from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from governance.scopes.models import Scope
from policies.constraints.models import Constraint
from tests.policies.asked import ask
from tests.policies.conftest import AT

pytestmark = pytest.mark.usefixtures("budget")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def test_a_free_scope_is_allowed(api: Client, search: Scope) -> None:
    answer = ask(api, {"scope": "acme/search", "model": "gpt-4o", "estimated_tokens": 500})
    assert (answer.status_code, answer.json()) == (
        200, {"decision": "allow", "reasons": [], "evaluated_at": None, "data_age_seconds": None},
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
