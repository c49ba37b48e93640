from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.ledger import operations
from budgets.ledger.models import Account
from budgets.plans.models import Budget
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, person, use

NOW = timezone.now()


def with_key(scope: Scope, *permissions: str) -> APIClient:
    owner, _made = User.objects.get_or_create(email="owner@example.com")
    _, plaintext = create_api_key(scope=scope, permissions=permissions, actor=SYSTEM, owner=owner, at=NOW)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


def signed_in(actor: Actor) -> APIClient:
    client = APIClient()
    client.force_login(actor.user)
    return client


def test_from_draft_to_money_over_http(search: Scope, ranker: Scope, finance: Actor) -> None:
    gateway, approver = with_key(search, "budgets:write", "budgets:read"), signed_in(finance)

    draft = gateway.post("/api/v1/budgets", {"scope": "acme/search", "amount": "100.00"}, format="json")
    assert (draft.status_code, draft.json()["status"], draft.json()["amount"]) == (201, "draft", "100")
    url = f"/api/v1/budgets/{draft.json()['id']}"
    assert gateway.post(f"{url}/submit").json()["status"] == "submitted"
    by_key = gateway.post(f"{url}/approve", {"reason": "please"}, format="json")
    assert (by_key.status_code, by_key.json()["code"]) == (403, "person_required")
    approved = approver.post(f"{url}/approve", {"reason": "planned", "expected_amount": "100"}, format="json").json()
    assert (approved["status"], approved["decided_by"]) == ("approved", "fay@example.com")

    use(ranker, "12.5", on=NOW.date(), at=NOW)
    granted = approver.post(f"{url}/grant", {"amount": "50", "reason": "launch"}, format="json")
    assert granted.status_code == 202
    second = signed_in(person("zoe@example.com", search, "finance", "approve_budget"))
    body = {"reason": "agreed", "expected_digest": granted.json()["waiting_grant"]["digest"]}
    granted = second.post(f"{url}/grant/approve", body, format="json")
    assert (granted.status_code, granted.json()["waiting_grant"]) == (200, None)

    current = gateway.get(url).json()["current"]
    assert {name: current[name] for name in ("amount", "used", "remaining", "available", "used_ratio")} == {
        "amount": "150", "used": "12.5", "remaining": "137.5", "available": "137.5", "used_ratio": "0.083333333",
    }  # fmt: skip
    ledger = gateway.get(f"{url}/ledger").json()["results"]
    assert [(row["kind"], row["direction"], row["amount"], row["counterpart"], row["by"]) for row in ledger] == [
        ("fund", "in", "50", "source", "zoe@example.com"),
        ("charge", "out", "12.5", "spent", None),
        ("fund", "in", "100", "source", "fay@example.com"),
    ]


def test_what_is_carried_over_is_proposed_and_told_of_the_period(search: Scope, finance: Actor) -> None:
    gateway = with_key(search, "budgets:write", "budgets:read")
    body = {"scope": "acme/search", "amount": "100", "carry_over_max": "20.50"}
    refused = gateway.post("/api/v1/budgets", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "carry_over_max_of_none")

    draft = gateway.post("/api/v1/budgets", body | {"carry_over": "both"}, format="json").json()
    assert (draft["carry_over"], draft["carry_over_max"]) == ("both", "20.5")
    url = f"/api/v1/budgets/{draft['id']}"
    gateway.post(f"{url}/submit")
    approved = signed_in(finance).post(f"{url}/approve", {"reason": "planned"}, format="json").json()
    assert (approved["status"], approved["current"]["carried_in"]) == ("approved", "0")
    Account.objects.filter(kind="budget").update(carried_in=Decimal("-3.5"))
    assert gateway.get(url).json()["current"]["carried_in"] == "-3.5"


def test_an_author_is_refused_over_http(search: Scope, finance: Actor) -> None:
    client = signed_in(finance)
    draft = client.post("/api/v1/budgets", {"scope": "acme/search", "amount": "100"}, format="json").json()
    client.post(f"/api/v1/budgets/{draft['id']}/submit")

    answer = client.post(f"/api/v1/budgets/{draft['id']}/approve", {"reason": "mine"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (403, "four_eyes")
    assert answer["Content-Type"] == "application/problem+json"
    assert Account.objects.count() == 0


def test_a_command_repeated_with_its_key_happens_once(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    approve(acme, "1000", at=NOW)
    budget, client = approve(search, "100", at=NOW), signed_in(finance)
    body = {"amount": "50", "reason": "launch"}

    answers = [
        client.post(f"/api/v1/budgets/{budget.pk}/grant", body, format="json", HTTP_IDEMPOTENCY_KEY="k1")
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert Account.objects.get(budget=budget).funded == Decimal(150)
    repeat = client.post(
        f"/api/v1/budgets/{budget.pk}/grant", {**body, "amount": "51"}, format="json", HTTP_IDEMPOTENCY_KEY="k1"
    )
    assert repeat.status_code == 422


def test_insufficient_money_names_what_is_available(
    acme: Scope, search: Scope, approve: Propose, propose: Propose, finance: Actor
) -> None:
    approve(acme, "100", at=NOW)
    budget = propose(search, "120", at=NOW)

    answer = signed_in(finance).post(f"/api/v1/budgets/{budget.pk}/approve", {"reason": "ok"}, format="json")

    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "insufficient_funds", "100")
    budget.refresh_from_db()
    assert budget.status == "submitted"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"scope": "acme/search", "amount": 100.5}, 400, "validation_failed"),
        ({"scope": "acme/search", "amount": "-1"}, 422, "amount_not_positive"),
        ({"scope": "acme/search", "amount": "1e400"}, 400, "validation_failed"),
        ({"scope": "acme/search", "amount": "NaN"}, 400, "validation_failed"),
        ({"scope": "acme/search", "amount": True}, 400, "validation_failed"),
        ({"scope": "acme/search"}, 400, "validation_failed"),
        ({"scope": "acme/search", "amount": "1", "starts_on": "2026-11-02"}, 422, "not_a_first_day"),
        ({"scope": "acme/search", "amount": "1", "starts_on": "0001-01-01"}, 201, None),
        ({"scope": "acme/search", "amount": "1", "starts_on": "9999-12-01"}, 422, "starts_too_late"),
        ({"scope": "acme/nowhere", "amount": "1"}, 404, "scope_unknown"),
        ({"scope": "acme", "amount": "1"}, 404, "scope_unknown"),
    ],
)
def test_bad_proposals_are_refused(search: Scope, body: dict[str, Any], status: int, code: str | None) -> None:
    answer = with_key(search, "budgets:write").post("/api/v1/budgets", body, format="json")

    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert Budget.objects.count() == (1 if status == 201 else 0)


def test_others_budgets_are_not_there(acme: Scope, search: Scope, approve: Propose) -> None:
    budget = approve(search, "100", at=NOW)
    sibling = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=NOW)
    stranger = with_key(sibling, "budgets:read", "budgets:write")
    outsider = signed_in(person("out@example.com", sibling, "finance", "approve_budget"))

    assert stranger.get("/api/v1/budgets").json()["results"] == []
    for path in ("", "/ledger"):
        assert stranger.get(f"/api/v1/budgets/{budget.pk}{path}").status_code == 404
    for path in ("submit", "withdraw"):
        assert stranger.post(f"/api/v1/budgets/{budget.pk}/{path}", {"reason": "x"}, format="json").status_code == 404
    for path in ("approve", "reject", "grant", "give-back", "end"):
        body = {"reason": "x", "amount": "1"}
        assert outsider.post(f"/api/v1/budgets/{budget.pk}/{path}", body, format="json").status_code == 404
    assert not DecisionRecord.objects.filter(scope=sibling, action__startswith="budget").exists()


def test_reading_and_writing_are_two_permissions(search: Scope) -> None:
    assert APIClient().get("/api/v1/budgets").status_code == 401
    assert with_key(search, "budgets:write").get("/api/v1/budgets").status_code == 403
    assert with_key(search, "budgets:read").post("/api/v1/budgets", {}, format="json").status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_the_same_queries_for_one_and_for_three(
    acme: Scope, approve: Propose, django_assert_num_queries: Any, count: int
) -> None:
    for number in range(count):
        team = create_scope(slug=f"t{number}", kind="team", parent=acme, actor=SYSTEM, at=NOW)
        approve(team, "10", at=NOW)
    client = with_key(acme, "budgets:read")
    client.get("/api/v1/budgets")

    with django_assert_num_queries(6):
        listed = client.get("/api/v1/budgets", {"status": "approved"}).json()["results"]

    assert [row["current"]["remaining"] for row in listed] == ["10"] * count


def test_ending_and_withdrawing_over_http(
    acme: Scope, search: Scope, approve: Propose, propose: Propose, finance: Actor, author: Actor
) -> None:
    approve(acme, "200", at=NOW - timedelta(seconds=1))
    budget = approve(search, "100", at=NOW - timedelta(seconds=1))
    ended = signed_in(finance).post(f"/api/v1/budgets/{budget.pk}/end", {"reason": "closed"}, format="json").json()
    proposal = propose(search, "10", at=NOW)
    withdrawn = (
        signed_in(author).post(f"/api/v1/budgets/{proposal.pk}/withdraw", {"reason": "typo"}, format="json").json()
    )

    assert (ended["status"], ended["current"], withdrawn["status"]) == ("ended", None, "withdrawn")
    assert operations.open_periods(at=NOW) == ()
