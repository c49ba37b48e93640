"""What senders get wrong, or send on purpose: each a clear answer, in bounded time and memory."""

import pytest
from rest_framework.test import APIClient

from governance.scopes.models import Scope
from tests.allocation.conftest import Client


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/usage/", "/api/v2/usage", "/api/nothing"])
def test_an_unknown_route_is_a_problem_too(acme: Scope, client_of: Client, path: str) -> None:
    for http in (APIClient(), client_of(acme)):
        for answer in (http.get(path), http.post(path, data="{}", content_type="application/json")):
            assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
            assert answer.json()["code"] == "route_unknown"


@pytest.mark.parametrize("path", ["alerts?scope=a%00b", "constraints?guardrail=a%00b"])
def test_a_parameter_the_database_cannot_hold_is_named(acme: Scope, client_of: Client, path: str) -> None:
    answer = client_of(acme, "admin").get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


def test_a_name_the_database_cannot_hold_is_no_failure_of_ours(acme: Scope, client_of: Client) -> None:
    answer = client_of(acme, "admin").get("/api/v1/guardrails/a%00b")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
