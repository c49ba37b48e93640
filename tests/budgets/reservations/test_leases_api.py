"""Leases over REST, as a client meets them."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from governance.scopes.models import Scope
from tests.budgets.conftest import Propose, account_of
from tests.budgets.reservations.test_api import of_key

NOW = timezone.now()
ROUTE = "/api/v1/leases"
FIGURES = ("amount", "drawn", "reported", "safe_capacity", "status")


@pytest.fixture
def client(search: Scope) -> APIClient:
    return of_key(search, "budgets:read", "reservations:write", "usage:write")


def post(client: APIClient, path: str = "", *, status: int = 200, key: str = "", **body: Any) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    response = client.post(f"{ROUTE}{path}", body, format="json", headers=headers)
    assert response.status_code == status, response.content
    answer: dict[str, Any] = response.json()
    return answer


def figures(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in FIGURES)


def test_leased_drawn_down_renewed_and_given_back(client: APIClient, search: Scope, approve: Propose) -> None:
    budget_id = approve(search, "10", at=NOW).pk
    lease = post(client, scope="acme/search", amount="6", expires_in=600, status=201)
    assert figures(lease) == ("6", "0", "0", "6", "held")
    assert lease["expires_in"] in (599, 600)
    assert lease["renew_in"] in (299, 300)
    event = {
        "id": "a", "source": "s", "occurred_at": NOW.isoformat(), "provider": "openai", "model": "gpt-4o",
        "cost": "1.5", "attributes": {"reservation": lease["id"]}, "scope": "acme/search",
    }  # fmt: skip
    assert client.post("/api/v1/usage", event, format="json").status_code == 200
    assert figures(client.get(f"{ROUTE}/{lease['id']}").json()) == ("6", "1.5", "1.5", "4.5", "held")

    renewed = [post(client, f"/{lease['id']}/renew", drawn="2", key="r1", expires_in=900) for _twice in range(2)]
    assert [figures(each) for each in renewed] == [("8", "2", "1.5", "6", "held")] * 2
    assert renewed[0]["expires_at"] > lease["expires_at"]
    (limit,) = client.get("/api/v1/my/limits", {"unit": "money"}).json()["results"][0]["limits"]
    bound = limit["overshoot_bound"]
    # Of 8 leased 1.5 are recorded; the feed delivered just now.
    assert (bound["leases"], bound["holds"], bound["unsettled"]) == ("6.5", "0", "0")
    assert bound["data_age_seconds"] in range(60)
    budget = client.get(f"/api/v1/budgets/{budget_id}").json()
    assert budget["current"]["overshoot_bound"]["leases"] == "6.5"
    given_back = post(client, f"/{lease['id']}/return", drawn="3.5")
    assert figures(given_back) == ("8", "3.5", "1.5", "0", "settled")
    assert post(client, f"/{lease['id']}/return", drawn="3.5") == given_back
    account = account_of(search, day=NOW.date())
    assert (account.spent, account.held) == (Decimal("3.5"), Decimal(0))


def test_asked_again_it_is_leased_once_and_refused_with_what_would_fit(
    client: APIClient, search: Scope, approve: Propose
) -> None:
    approve(search, "10", at=NOW)
    chosen = str(uuid4())
    first = post(client, scope="acme/search", amount="8", id=chosen, status=201)
    assert post(client, scope="acme/search", amount="8", id=chosen)["id"] == first["id"] == chosen
    refused = post(client, scope="acme/search", amount="3", status=409)
    assert (refused["code"], refused["fits"]) == ("reservation_refused", "2")
    held = client.post("/api/v1/reservations", {"scope": "acme/search", "amount": "8", "id": chosen}, format="json")
    assert held.json()["code"] == "reservation_differs"
    part = client.post("/api/v1/reservations", {"scope": "acme/search", "amount": "1", "parent": chosen}, format="json")
    assert part.json()["code"] == "parent_is_a_lease"


def test_a_hold_is_no_lease(client: APIClient, search: Scope, approve: Propose) -> None:
    approve(search, "10", at=NOW)
    row = client.post("/api/v1/reservations", {"scope": "acme/search", "amount": "1"}, format="json").json()
    assert row["kind"] == "hold"
    assert client.get(f"{ROUTE}/{row['id']}").json()["code"] == "lease_unknown"
    for verb in ("renew", "return"):
        assert post(client, f"/{row['id']}/{verb}", drawn="1", status=404)["code"] == "lease_unknown"
    assert client.get(ROUTE).json()["results"] == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_as_many_queries_for_three_as_for_one(
    client: APIClient, search: Scope, approve: Propose, count: int, django_assert_num_queries: Any
) -> None:
    approve(search, "10", at=NOW)
    for _ in range(count):
        post(client, scope="acme/search", amount="1", status=201)
    with django_assert_num_queries(4):
        assert len(client.get(ROUTE, {"scope": "acme/search"}).json()["results"]) == count
