from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.ledger.models import Account
from budgets.requests.models import QuotaRequest
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.approvals.api.test_views import signed_in, with_key
from tests.budgets.conftest import Propose, person
from tests.budgets.requests.conftest import developer

__all__ = ["developer"]
URL = "/api/v1/quota-requests"
ASKED = {"scope": "acme/search", "amount": "50", "justification": "The launch.", "link": "https://tickets.example/7"}


def sent(client: APIClient, path: str, body: dict[str, Any], **headers: str) -> tuple[int, Any]:
    answer = client.post(f"{URL}{path}", body, format="json", **headers)
    return answer.status_code, answer.json()


def test_from_a_wish_to_money_over_http(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, developer: Actor
) -> None:
    now = timezone.now()
    approve(acme, "1000", at=now)
    budget = approve(search, "100", at=now)
    team, approver, gateway = signed_in(developer), signed_in(finance), with_key(search, "budgets:write")

    status, asked = sent(team, "", {**ASKED, "expected_outcome": "5,000 tickets", "outcome_value": "9000.00"})
    assert (status, asked["status"], asked["raises"], asked["outcome_value"]) == (
        201,
        "submitted",
        "acme/search",
        "9000",
    )
    one = f"/{asked['id']}"
    assert sent(approver, f"{one}/ask", {"text": "Why not cached?"})[1]["status"] == "questioned"
    status, answered = sent(gateway, f"{one}/answer", {"text": "No prefix is shared."})
    assert (status, answered["status"]) == (200, "answered")
    assert [(entry["kind"], entry["by"]) for entry in answered["thread"]] == [
        ("submitted", "dev@example.com"), ("question", "fay@example.com"), ("answer", "owner@example.com"),
    ]  # fmt: skip

    decision = {"reason": "It pays.", "amount": "30", "models": ["gpt-4o"], "expected_digest": asked["digest"]}
    assert sent(approver, f"{one}/approve", decision)[1]["code"] == "changed_since_seen"
    assert sent(gateway, f"{one}/approve", decision)[1]["code"] == "person_required"
    decision["expected_digest"] = answered["digest"]
    assert sent(team, f"{one}/approve", decision)[1]["code"] == "right_required"
    status, done = sent(approver, f"{one}/approve", decision, HTTP_IDEMPOTENCY_KEY="k1")
    assert (status, done["status"], done["granted"], done["models"], done["decided_by"]) == (
        200, "approved", "30", ["gpt-4o"], "fay@example.com",
    )  # fmt: skip
    assert sent(approver, f"{one}/approve", decision, HTTP_IDEMPOTENCY_KEY="k1")[1] == done
    assert Account.objects.get(budget=budget).funded == Decimal(130)
    listed = team.get(URL, {"status": "approved", "scope": "acme/search"}).json()["results"]
    assert (listed, team.get(f"{URL}{one}").json()) == ([done], done)


def test_a_wish_sent_twice_with_its_key_is_one(search: Scope, approve: Propose, developer: Actor) -> None:
    approve(search, "100", at=timezone.now())
    team = signed_in(developer)
    first, again = (sent(team, "", ASKED, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2))
    assert (first, QuotaRequest.objects.count()) == (again, 1)
    assert sent(team, f"/{first[1]['id']}/withdraw", {"reason": "Not needed."})[1]["status"] == "withdrawn"


def test_missing_money_is_told_in_the_problem(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, developer: Actor
) -> None:
    approve(acme, "120", at=timezone.now())
    approve(search, "100", at=timezone.now())
    asked = sent(signed_in(developer), "", ASKED)[1]

    status, problem = sent(
        signed_in(finance), f"/{asked['id']}/approve", {"reason": "ok", "expected_digest": asked["digest"]}
    )

    assert (status, problem["code"], problem["available"], problem["missing"], problem["lacking"]) == (
        409, "insufficient_funds", "20", "30", "acme",
    )  # fmt: skip
    assert problem["could_move"] == ["fay@example.com"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"justification": ""}, 400, "validation_failed"),
        ({"amount": 50.5}, 400, "validation_failed"),
        ({"amount": "-1"}, 422, "amount_not_positive"),
        ({"link": "javascript:alert(1)"}, 400, "validation_failed"),
        ({"unit": "tokens"}, 409, "budget_not_in_force"),
        ({"term": "dates", "ends_on": "2999-01-01"}, 422, "starts_too_late"),
        ({"scope": "globex"}, 404, "scope_unknown"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    search: Scope, approve: Propose, developer: Actor, body: dict[str, Any], status: int, code: str
) -> None:
    approve(search, "100", at=timezone.now())
    answer = sent(signed_in(developer), "", ASKED | body)
    assert (answer[0], answer[1]["code"]) == (status, code)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_statements_however_many_there_are(
    search: Scope, approve: Propose, developer: Actor, django_assert_num_queries: Any, count: int
) -> None:
    approve(search, "100", at=timezone.now())
    team = signed_in(developer)
    for _ in range(count):
        sent(team, "", ASKED)
    with django_assert_num_queries(11):
        assert len(team.get(URL).json()["results"]) == count


def test_somebody_of_another_team_sees_none_of_it(
    acme: Scope, search: Scope, approve: Propose, developer: Actor
) -> None:
    approve(search, "100", at=timezone.now())
    asked = sent(signed_in(developer), "", ASKED)[1]
    ads = Scope.objects.create(slug="ads", kind="team", parent=acme)
    other = signed_in(person("bo@example.com", ads, "finance", "approve_budget"))
    assert other.get(URL).json()["results"] == []
    assert other.get(f"{URL}/{asked['id']}").json()["code"] == "request_unknown"
    assert sent(other, f"/{asked['id']}/reject", {"reason": "no"})[0] == 404
