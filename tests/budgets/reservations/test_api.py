"""Reservations over REST, as a caller meets them."""

from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.reservations.models import Reservation
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey, User
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, account_of

NOW = timezone.now()
ROUTE = "/api/v1/reservations"
migration = import_module("governance.migrations.0015_reservations_permission")


@pytest.fixture
def client(search: Scope) -> APIClient:
    return of_key(search, "budgets:read", "reservations:write", "usage:write")


def of_key(scope: Scope, *permissions: str) -> APIClient:
    owner, _made = User.objects.get_or_create(email="owner@example.com")
    _, plaintext = create_api_key(scope=scope, permissions=permissions, actor=SYSTEM, owner=owner, at=NOW)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


def ask(client: APIClient, amount: str = "4", *, status: int = 201, key: str = "", **more: Any) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"scope": "acme/search", "amount": amount, **more}
    response = client.post(ROUTE, body, format="json", headers=headers)
    assert response.status_code == status, response.content
    answer: dict[str, Any] = response.json()
    return answer


def post(client: APIClient, path: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
    response = client.post(f"{ROUTE}/{path}", body, format="json")
    assert response.status_code == status, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_held_named_by_usage_and_settled(client: APIClient, search: Scope, approve: Propose) -> None:
    budget = approve(search, "10", at=NOW)
    row = ask(client, task_id="t1", expires_in=60)
    wanted = {
        "scope": "acme/search", "unit": "money", "amount": "4", "spent": "0", "free": "4", "status": "held",
        "parent": None, "task_id": "t1",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert row["account"]["budget"] == budget.name
    assert account_of(search, day=NOW.date()).held == Decimal(4)
    shown = client.get(f"/api/v1/budgets/{budget.pk}").json()["current"]
    assert (shown["held"], shown["available"]) == ("4", "6")

    event = {
        "id": "a", "source": "s", "occurred_at": NOW.isoformat(), "provider": "openai", "model": "gpt-4o",
        "cost": "2.5", "attributes": {"reservation": row["id"]}, "scope": "acme/search",
    }  # fmt: skip
    assert client.post("/api/v1/usage", event, format="json").status_code == 200

    row = client.get(f"{ROUTE}/{row['id']}").json()
    assert (row["status"], row["ended_by"], row["spent"], row["free"]) == ("settled", "usage", "2.5", "0")
    account = account_of(search, day=NOW.date())
    assert (account.spent, account.held) == (Decimal("2.5"), Decimal(0))


def test_refused_with_what_would_fit(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    ask(client, "8")
    refused = ask(client, "3", status=409)
    assert (refused["code"], refused["left"], refused["fits"]) == ("reservation_refused", "2", "2")
    assert refused["account"]["scope"] == "acme/search"
    assert refused["resets_at"] == account_of(search, day=NOW.date()).interval.ends_at.isoformat()
    ask(client, refused["fits"])


def test_settled_extended_released(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    first, second = ask(client, "4"), ask(client, "1")
    assert post(client, f"{first['id']}/settle", {"amount": "5"})["spent"] == "5"
    assert post(client, f"{first['id']}/settle", {"amount": "5"})["status"] == "settled"
    assert post(client, f"{first['id']}/settle", {"amount": "6"}, status=409)["code"] == "reservation_ended"
    longer = post(client, f"{second['id']}/extend", {"expires_in": 3600, "amount": "2"})
    assert (longer["amount"], longer["expires_at"] > second["expires_at"]) == ("2", True)
    assert post(client, f"{second['id']}/release")["status"] == "released"
    assert post(client, f"{second['id']}/release")["status"] == "released"
    account = account_of(search, day=NOW.date())
    assert (account.spent, account.held) == (Decimal(5), Decimal(0))


def test_asked_again_it_is_held_once(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    assert ask(client, key="k1")["id"] == ask(client, key="k1")["id"]
    chosen = str(uuid4())
    assert ask(client, id=chosen) == ask(client, id=chosen, status=200)
    assert ask(client, "5", id=chosen, status=409)["code"] == "reservation_differs"
    assert account_of(search, day=NOW.date()).held == Decimal(8)


def test_a_tree_over_the_api(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    root = ask(client, "8")
    child = ask(client, "6", parent=root["id"])
    refused = ask(client, "3", parent=root["id"], status=409)
    assert (refused["parent"], refused["fits"]) == (root["id"], "2")
    assert post(client, f"{child['id']}/settle", {"amount": "1"})["spent"] == "1"
    shown = client.get(f"{ROUTE}/{root['id']}").json()
    assert (shown["spent"], shown["free"], shown["covers_task"]) == ("1", "7", True)
    assert post(client, f"{root['id']}/settle")["spent"] == "1"
    rows = client.get(ROUTE, {"tree": root["id"], "status": "settled"}).json()["results"]
    assert [row["id"] for row in rows] == [child["id"], root["id"]]


def test_without_an_amount_the_expected_tokens_are_priced(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    approve(search, "10000", at=NOW, unit="tokens")
    call = {"provider": "openai", "model": "gpt-4o", "tokens": {"input": 1000, "output": 500}}
    row = ask_without_amount(client, **call)
    # 2.50 and 10.00 USD a million, by list price.
    assert (row["amount"], row["sized_by"], row["model"]) == ("0.0075", "tokens", "gpt-4o")
    assert ask_without_amount(client, **call, unit="tokens")["amount"] == "1500"
    assert ask_without_amount(client, **call, unit="requests")["amount"] == "1"
    unseen = {**call, "tokens": {"input": 1000}}
    for body in (
        {},
        unseen,
        {**call, "model": "nobody-knows"},
        {**call, "provider": ""},
        {**call, "unit": "gpu_hours"},
    ):
        refused = client.post(ROUTE, {"scope": "acme/search", **body}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (422, "reservation_unsized")


def ask_without_amount(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(ROUTE, {"scope": "acme/search", **body}, format="json")
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_others_see_nothing_of_it(client: APIClient, ranker: Scope) -> None:
    row = ask(client)
    below = of_key(ranker, "budgets:read", "reservations:write")
    assert below.get(ROUTE).json()["results"] == []
    assert below.get(f"{ROUTE}/{row['id']}").status_code == 404
    for verb in ("settle", "extend", "release"):
        assert below.post(f"{ROUTE}/{row['id']}/{verb}", {}, format="json").json()["code"] == "reservation_unknown"
    assert below.post(ROUTE, {"scope": "acme/search", "amount": "1"}, format="json").status_code == 404
    assert Reservation.objects.get().status == "held"


def test_who_reports_usage_need_not_hold_money_and_who_holds_reports_none(
    search: Scope, approve: Propose, client: APIClient
) -> None:
    approve(search, "10", at=NOW)
    stands = ask(client)
    holder, reporter, budgeter = (
        of_key(search, each) for each in ("reservations:write", "usage:write", "budgets:write")
    )
    event = {"id": "b", "source": "s", "occurred_at": NOW.isoformat(), "provider": "p", "model": "m", "cost": "1"}
    for other in (reporter, budgeter):
        assert ask(other, status=403)["code"] == "permission_missing"
        for verb in ("settle", "extend", "release"):
            assert post(other, f"{stands['id']}/{verb}", {}, status=403)["code"] == "permission_missing"
    assert holder.post("/api/v1/usage", event, format="json").status_code == 403
    assert holder.post("/api/v1/budgets", {"scope": "acme/search", "amount": "1"}, format="json").status_code == 403
    assert post(holder, f"{ask(holder)['id']}/release")["status"] == "released"


def test_keys_that_held_before_there_was_a_permission_for_it_still_do(search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    before, other = of_key(search, "budgets:write", "alerts:read"), of_key(search, "usage:write")
    for _twice in range(2):
        with connection.cursor() as cursor:
            cursor.execute(migration.STILL_HOLD)
    assert ask(before)["status"] == "held"
    assert ask(other, status=403)["code"] == "permission_missing"
    held = ApiKey.objects.order_by("pk").values_list("permissions", flat=True)
    assert list(held) == [["alerts:read", "budgets:write", "reservations:write"], ["usage:write"]]


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_as_many_queries_for_three_as_for_one(
    client: APIClient, search: Scope, approve: Propose, count: int, django_assert_num_queries: Any
) -> None:
    approve(search, "10", at=NOW)
    for _ in range(count):
        ask(client, "1")
    with django_assert_num_queries(4):
        assert len(client.get(ROUTE, {"scope": "acme/search"}).json()["results"]) == count
