import re
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from allocation.shared_cost.models import AllocationMetric, AllocationRun
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.admin_people import person, signed_in
from tests.allocation.conftest import AT
from tests.allocation.sharing import LICENCE, NODE, SPLIT, apply_node, apply_split, furnish_sharing, use

D = Decimal


@pytest.fixture(autouse=True)
def clock(time_machine: Any) -> None:
    time_machine.move_to(AT, tick=False)


@pytest.fixture
def shared(acme: Scope) -> Scope:
    """Search bears the 10 of the platform team, and half of a licence of 100; a node of 1,440 lay idle."""
    furnish_sharing(acme, AT)
    return acme


@pytest.fixture
def api(shared: Scope, client_of: Callable[..., APIClient]) -> APIClient:
    return client_of(shared)


def test_what_was_shared_to_a_scope(api: APIClient) -> None:
    found = api.get("/api/v1/shared-cost?scope=acme/search&month=2026-11").json()
    assert (found["direct"], found["shared_in_total"], found["fully_loaded"]) == (
        "1.000000000", "60.000000000", "61.000000000",
    )  # fmt: skip
    assert [(line["pool"], line["origin"], line["ratio"], line["amount"]) for line in found["shared_in"]] == [
        ("acme-licence", "acme", "0.500000000000", "50.000000000"),
        ("acme-platform-team", "acme/platform", "1.000000000000", "10.000000000"),
    ]
    behind = api.get(found["shared_in"][1]["records"]).json()["results"]
    assert [(record["scope"], record["cost"]) for record in behind] == [("acme/platform", "10.000000000")]
    before = api.get("/api/v1/shared-cost?scope=acme/search&month=2026-10").json()
    assert (before["run"], before["fully_loaded"]) == (None, "0.000000000")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("shared-cost?scope=acme/none", 404),
        ("shared-cost", 400),
        ("shared-cost?scope=acme&month=2026-13", 400),
        ("shared-cost?scope=acme&moth=2026-11", 400),
        ("allocated-charges?run=x", 400),
        ("allocation-runs/0", 404),
    ],
)
def test_what_cannot_be_asked_is_refused(api: APIClient, path: str, status: int) -> None:
    answer = api.get(f"/api/v1/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_a_run_is_made_once_for_its_key_and_not_again_when_nothing_changed(api: APIClient, shared: Scope) -> None:
    body = {"organisation": "acme", "month": "2026-11", "reason": "Late data."}
    assert api.post("/api/v1/allocation-runs", body, "json").status_code == 200
    use(shared, "acme/ads", "1", 300)
    first = api.post("/api/v1/allocation-runs", body, "json", headers={"Idempotency-Key": "1"})
    again = api.post("/api/v1/allocation-runs", body, "json", headers={"Idempotency-Key": "1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    runs = api.get("/api/v1/allocation-runs?month=2026-11").json()["results"]
    assert [(one["supersedes"], one["reason"]) for one in runs] == [(runs[1]["id"], "Late data."), (None, "")]
    assert runs[1]["superseded_by"] == runs[0]["id"]
    assert api.get(f"/api/v1/allocation-runs/{runs[0]['id']}").json() == runs[0]
    standing = api.get("/api/v1/allocated-charges?pool=acme-platform-team").json()["results"]
    assert {one["target"]: one["ratio"] for one in standing} == {
        "acme/ads": "0.750000000000", "acme/search": "0.250000000000",
    }  # fmt: skip
    former = api.get(f"/api/v1/allocated-charges?run={runs[1]['id']}&scope=acme/ads").json()["results"]
    assert {one["pool"]: one["amount"] for one in former} == {
        "acme-platform-team": "0.000000000", "acme-licence": "50.000000000",
    }  # fmt: skip


def test_a_key_of_a_team_splits_nothing(shared: Scope, client_of: Callable[..., APIClient]) -> None:
    team = client_of(Scope.objects.get(path="acme/search"))
    answer = team.post("/api/v1/allocation-runs", {"organisation": "acme", "month": "2026-11"}, "json")
    assert (answer.status_code, AllocationRun.objects.count()) == (404, 1)
    assert team.get("/api/v1/allocation-runs").json()["results"] == []
    assert {one["target"] for one in team.get("/api/v1/allocated-charges").json()["results"]} == {"acme/search"}


def test_commitments_with_what_they_covered(api: APIClient, shared: Scope) -> None:
    use(shared, "acme/search", "1080", provider="self", model="llama", gpu_seconds=D(540 * 3600))
    (node,) = api.get("/api/v1/commitments?month=2026-11").json()["results"]
    in_month = node["in_month"]
    found = {name: D(value) for name, value in in_month.items() if name not in {"month", "summary"}}
    assert in_month["summary"].startswith("360.00 ")
    assert found == {
        "amount": 1440, "committed_units": 720, "eligible_units": 540, "covered_units": 540, "on_demand_units": 0,
        "coverage": 1, "utilisation": D("0.75"), "unused_amount": 360, "booked_cost": 1080, "idle_cost": 360,
        "break_even_units": 360, "break_even_utilisation": D("0.5"), "cost_per_useful_unit": D("2.666666667"),
        "saving": 720,
    }  # fmt: skip
    assert api.get("/api/v1/commitments?month=2025-11").json()["results"][0]["in_month"] is None


def test_metrics_come_as_one_or_many(api: APIClient) -> None:
    value = {"id": "7", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-02", "value": "2"}
    assert api.post("/api/v1/allocation-metrics", value, "json").json() == {
        "accepted": 1, "duplicate": 0, "rejected": [],
    }  # fmt: skip
    answer = api.post("/api/v1/allocation-metrics", [value, {**value, "id": "8", "value": "many"}], "json").json()
    assert (answer["accepted"], answer["duplicate"]) == (0, 1)
    assert answer["rejected"] == [
        {
            "index": 1, "code": "invalid_value", "field": "value",
            "message": 'value cannot be used: write a number from 0 to 10^14 with at most nine places, quoted when it'
            ' has a fraction: "12.5".',
        }
    ]  # fmt: skip
    assert api.post("/api/v1/allocation-metrics", [], "json").status_code == 400
    listed = api.get("/api/v1/allocation-metrics?metric=seats&month=2026-11").json()["results"]
    assert [one["id"] for one in listed] == ["7", "1"]
    assert AllocationMetric.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "queries"),
    [("shared-cost-splits", 2), ("allocation-runs", 2), ("allocated-charges", 2), ("allocation-metrics", 2)],
)
def test_lists_ask_as_much_for_three_as_for_one(
    api: APIClient, shared: Scope, path: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    api.get(f"/api/v1/{path}")
    for limit in (1, 3):
        with django_assert_num_queries(queries):
            assert api.get(f"/api/v1/{path}?limit={limit}").status_code == 200


def test_commitments_are_asked_for_once_per_organisation(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for name in ("b", "c"):
        apply_node(NODE.replace("name: node", f"name: {name}"))
    api.get("/api/v1/commitments")
    for limit in (1, 3):
        with django_assert_num_queries(8):
            assert len(api.get(f"/api/v1/commitments?limit={limit}").json()["results"]) == limit


def command(*words: str) -> str:
    out = StringIO()
    call_command("allocation", *words, stdout=out)
    return out.getvalue()


def test_the_command_plans_splits_and_shows(acme: Scope) -> None:
    with pytest.raises(CommandError, match="acme shares no cost in 2026-11; apply a SharedCostSplit first"):
        command("run", "--organisation", "acme", "--month", "2026-11")
    furnish_sharing(acme, AT)
    use(acme, "acme/ads", "1", 300)
    words = ("--organisation", "acme", "--month", "2026-11")
    planned = command("run", *words, "--dry-run")
    assert "acme-platform-team v1 of acme/platform: 10.00 USD, proportional (Tokens)" in planned
    assert "     25.0 %            2.50 USD  acme/search\n" in planned
    assert AllocationRun.objects.count() == 1
    done = command("run", *words)
    assert AllocationRun.objects.count() == 2
    assert done == command("show", *words)
    row = "".join(f"{amount:>16}" for amount in ("1.00", "0.00", "0.00", "52.50", "0.00", "53.50")) + "  acme/search\n"
    assert row in done
    with pytest.raises(CommandError, match="has not been split"):
        command("show", "--organisation", "acme", "--month", "2026-09")
    with pytest.raises(CommandError, match="'soon' is no month"):
        command("show", "--organisation", "acme", "--month", "soon")
    apply_split(SPLIT.replace("platform-team", "acme-platform-team").replace("to: tokens", "to: gpu_seconds"))
    with pytest.raises(CommandError, match=r"the one before it stands\. acme-platform-team: the quantities"):
        command("run", *words)


def run_page(client: Client) -> str:
    run = AllocationRun.objects.latest("pk")
    return client.get(f"/admin/allocation/allocationrun/{run.pk}/change/").content.decode()


def test_finance_sees_what_moved_and_splits_again(shared: Scope) -> None:
    fay = signed_in(person("fay@acme.example", "finance", shared))
    page = run_page(fay)
    assert "all of it together: 1,551.00 USD" in page
    assert ">61.00<" in page
    bears = re.findall(r'href="([^"]*pool__id__exact=[0-9]+)"', page)
    shown = [fay.get(link).context["cl"].result_list for link in bears]
    assert [sorted(charge.target.path for charge in charges) for charges in shown] == [
        ["acme/ads", "acme/search"], ["acme/ads", "acme/search"],
    ]  # fmt: skip
    use(shared, "acme/ads", "1", 100)
    run = AllocationRun.objects.get()
    fay.post("/admin/allocation/allocationrun/", {"action": "split_again", "_selected_action": [run.pk]})
    assert AllocationRun.objects.latest("pk").supersedes == run
    ada = signed_in(person("ada@acme.example", "engineering", shared))
    use(shared, "acme/ads", "1", 100)
    ada.post("/admin/allocation/allocationrun/", {"action": "split_again", "_selected_action": [run.pk]})
    assert AllocationRun.objects.count() == 2


def test_a_scopes_page_says_why_and_is_for_who_sees_the_scope(shared: Scope) -> None:
    search, ads = (Scope.objects.get(path=f"acme/{slug}") for slug in ("search", "ads"))
    run = AllocationRun.objects.get()
    ada = signed_in(person("ada@acme.example", "engineering", search))
    page = ada.get(f"/admin/allocation/allocationrun/{run.pk}/scope/{search.pk}/")
    assert (
        "acme/search bears 100.0 % of acme-platform-team (10.00 USD of acme/platform), by Tokens"
        in page.content.decode()
    )
    assert ada.get(f"/admin/allocation/allocationrun/{run.pk}/scope/{ads.pk}/").status_code == 404
    assert ada.get(f"/admin/allocation/allocationrun/0/scope/{search.pk}/").status_code == 404
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    assert "Shared away" in root.get(f"/admin/allocation/allocationrun/{run.pk}/scope/{shared.pk}/").content.decode()


def test_the_licence_of_the_documents_is_what_the_tests_split(shared: Scope) -> None:
    assert apply_split(LICENCE.replace("name: licence", "name: acme-licence")).action == "unchanged"
