"""Imports of usage over HTTP: seen by their organisation, withdrawn by a person."""

from decimal import Decimal
from typing import Any

from rest_framework.test import APIClient

from allocation.usage.models import ImportRun
from governance.organisations.operations import create_api_key
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, make_organisation
from tests.allocation.corrections.corrected_prices import costs
from tests.allocation.corrections.imported_calls import imported, person_of

__all__ = ["imported"]


def client_of(scope: Scope, persona: str) -> APIClient:
    api = APIClient()
    api.force_login(person_of(scope, persona))
    return api


def withdrawal(api: APIClient, run: ImportRun, reason: str = "The wrong team") -> Any:
    return api.post(f"/api/v1/usage/imports/{run.pk}/withdrawal", {"reason": reason}, format="json")


def test_imports_are_listed_for_their_organisation(acme: Scope, imported: ImportRun) -> None:
    api = client_of(acme, "finops")
    [listed] = api.get("/api/v1/usage/imports").json()["results"]
    assert (listed["id"], listed["scope"], listed["accepted"], listed["costs"], listed["withdrawn_at"]) == (
        imported.pk, "acme", 2, {"USD": "3.000000000"}, None,
    )  # fmt: skip
    assert api.get(f"/api/v1/usage/imports/{imported.pk}").json() == listed
    foreign = client_of(make_organisation("globex"), "finops")
    assert foreign.get("/api/v1/usage/imports").json()["results"] == []
    assert foreign.get(f"/api/v1/usage/imports/{imported.pk}").status_code == 404
    assert withdrawal(foreign, imported).status_code == 404


def test_an_import_is_withdrawn_by_a_person_with_the_right_and_a_reason(
    acme: Scope, search: Scope, imported: ImportRun
) -> None:
    _, plaintext = create_api_key(scope=acme, permissions=["usage:write"], actor=SYSTEM, at=AT)
    key = APIClient()
    key.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    assert [withdrawal(api, imported).status_code for api in (key, client_of(acme, "engineering"))] == [403, 403]
    api = client_of(acme, "finops")
    assert withdrawal(api, imported, " ").status_code == 400
    assert costs(search) == [Decimal(3)] * 5
    answer = withdrawal(api, imported)
    assert (answer.status_code, answer.json()["withdrawn_by"], answer.json()["withdrawal_reason"]) == (
        200, "finops@acme.example", "The wrong team",
    )  # fmt: skip
    assert costs(search) == [Decimal(0)] * 5
    record = DecisionRecord.objects.latest("pk")
    assert (record.action, record.reason) == (
        "usage.take_back", f"calls.jsonl is withdrawn (usage import {imported.pk}): The wrong team",
    )  # fmt: skip
    again = withdrawal(api, imported)
    assert (again.status_code, again.json()["code"]) == (409, "import_withdrawn")
