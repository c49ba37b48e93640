"""What the installation as a whole counts is for its operators."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from allocation.unit_economics.queries import UNATTRIBUTED
from allocation.usage.operations import record_usage
from budgets.approvals.operations import create_budget
from budgets.plans.models import Budget
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from policies.evaluation.models import EvaluationRun
from policies.evaluation.queries import evaluation_lag
from tests.allocation.conftest import event
from tests.allocation.sharing import NODE, apply_node
from tests.conftest import AT
from tests.governance.conftest import Person

pytestmark = pytest.mark.adversary("what is not yours")
SYSTEM = Actor.system()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def spend(root: Scope, path: str) -> None:
    assert record_usage(events=[event(scope=path, occurred_at=AT)], key_scope_id=root.pk, at=AT).accepted == 1


def statements(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as run:
        assert client.get(path).status_code == 200
    return len(run.captured_queries)


def test_who_sees_one_organisation_learns_nothing_of_what_waits_in_another(acme: Scope, person: Person) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=Actor.system(), at=AT)
    DirtyScope.objects.all().delete()
    DirtyScope.objects.create(scope=globex, dirty_since=AT - timedelta(hours=1))
    seen = evaluation_lag(at=AT, actor=Actor.of_user(person("ada@example.com", acme)))
    assert (seen.dirty_count, seen.oldest_dirty_since, seen.organisation_ids, seen.is_stalled) == (0, None, (), False)
    assert evaluation_lag(at=AT).dirty_count == 1


@pytest.mark.parametrize("persona", ["engineering", "finance", "finops", "platform"])
def test_what_was_evaluated_for_all_organisations_is_for_who_operates_them(
    search: Scope, person: Person, persona: str
) -> None:
    run = EvaluationRun.objects.create(cause="sweep", started_at=AT, errors=["globex/secret: no such fact"])
    client = signed_in(person("ada@example.com", search, persona))
    pages = ("", f"{run.pk}/change/", f"{run.pk}/history/")
    assert {client.get(f"/admin/policies/evaluationrun/{page}").status_code for page in pages} == {403}
    assert "/admin/policies/evaluationrun/" not in client.get("/admin/policies/").content.decode()


def test_who_checks_the_chain_is_not_told_how_many_records_others_have(search: Scope, person: Person) -> None:
    client = signed_in(person("ada@example.com", search))
    asked = "/admin/governance/decisionrecord/check-chain/"
    before = client.get(asked, follow=True).content.decode()
    assert "Every record holds, yours and all others." in before
    assert "records hold" not in before
    operator = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    assert "records hold; head" in operator.get(asked, follow=True).content.decode()


@pytest.mark.parametrize("page", ["/admin/allocation/pricebook/coverage/", "/admin/allocation/scopeeconomics/"])
def test_a_page_asks_the_database_as_often_however_many_organisations_there_are(
    search: Scope, person: Person, page: str
) -> None:
    client = signed_in(person("ada@example.com", search))
    spend(search, "acme/search")
    before = statements(client, page)
    for slug in ("globex", "initech"):
        other = create_scope(slug=slug, kind="organisation", actor=SYSTEM, at=AT)
        create_scope(slug="search", kind="team", parent=other, actor=SYSTEM, at=AT)
        apply_node(NODE.replace("acme", slug).replace("name: node", f"name: node-{slug}"))
        spend(other, f"{slug}/search")
    assert statements(client, page) == before


def test_a_team_is_not_told_what_its_organisation_spends(acme: Scope, search: Scope, person: Person) -> None:
    create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    spend(acme, "acme/ads")
    key = create_api_key(scope=search, permissions=["usage:read"], actor=SYSTEM, at=AT)[1]
    asked = "/api/v1/unit-economics?scope=acme/search&from=2026-11-01&to=2026-12-01"
    told = Client(headers={"Authorization": f"Bearer {key}"}).get(asked).json()
    share = {figure["unit"]: figure for figure in told["coverage"]}[UNATTRIBUTED.key]
    assert (share["value"], share["numerator"], share["denominator"]) == (None, "0.000000000", "0.000000000")
    assert share["reason"] == "It is told to who sees the whole organisation."
    seen = signed_in(person("fay@example.com", acme)).get(asked).json()
    share = {figure["unit"]: figure for figure in seen["coverage"]}[UNATTRIBUTED.key]
    assert Decimal(share["denominator"]) > 0


def test_who_takes_a_name_is_told_to_who_sees_it(acme: Scope, search: Scope, person: Person) -> None:
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    author = Actor.of_user(person("eve@example.com", acme))
    create_budget(scope=ads, amount=Decimal(5), unit=Budget.Unit.TOKENS, name="hers", actor=author, at=AT)
    body = {"scope": "acme/search", "amount": "5", "unit": "money", "name": "hers"}
    for scope, told in (
        (search, "The name 'hers' belongs to another budget of the organisation."),
        (acme, "The name 'hers' belongs to the tokens budget of acme/ads."),
    ):
        client = signed_in(person(f"fay@{scope.slug}.example", scope))
        answer = client.post("/api/v1/budgets", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (422, "name_taken", told)


@pytest.mark.parametrize("path", ["movement", "shared-cost", "unit-economics", "usage", "charges"])
def test_a_scope_of_others_takes_as_many_statements_as_one_that_nobody_has(
    acme: Scope, search: Scope, person: Person, path: str
) -> None:
    create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    client = signed_in(person("ada@example.com", search))
    client.get("/api/v1/scopes")
    counts = []
    for scope in ("acme/ads", "acme", "acme/nobody", "nobody"):
        with CaptureQueriesContext(connection) as run:
            assert client.get(f"/api/v1/{path}?scope={scope}").status_code == 404
        counts.append(len(run.captured_queries))
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("focus/export?period=2026-11&organisation=NAME", ""), ("attribution/preview", '{"organisation": "NAME"}')],
)
def test_an_organisation_of_others_takes_as_many_statements_as_one_that_nobody_has(
    search: Scope, person: Person, path: str, body: str
) -> None:
    create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    client = signed_in(person("ada@example.com", search))
    client.get("/api/v1/scopes")
    counts = []
    for name in ("globex", "nobody"):
        method, asked = "POST" if body else "GET", f"/api/v1/{path.replace('NAME', name)}"
        with CaptureQueriesContext(connection) as run:
            answer = client.generic(method, asked, body.replace("NAME", name), "application/json")
        assert answer.status_code == 404
        counts.append(len(run.captured_queries))
    assert len(set(counts)) == 1


@time_machine.travel(AT, tick=False)
def test_readyz_tells_a_load_balancer_what_fails_and_an_operator_what_it_found(acme: Scope, person: Person) -> None:
    """Its ages and counts speak of all organisations together."""
    DirtyScope.objects.update_or_create(scope=acme, defaults={"dirty_since": AT - timedelta(hours=1)})
    key = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)[1]
    told = []
    for client in (
        Client(), Client(headers={"Authorization": f"Bearer {key}"}), signed_in(person("fay@acme.example", acme))
    ):  # fmt: skip
        answer = client.get("/readyz", headers={"X-Weir-Decisions": "4711/10"})
        assert (answer.status_code, answer["Cache-Control"], answer["Vary"]) == (503, "no-store", "Cookie")
        told.append(answer.json())
    failing = told[0]["failing"]
    assert told == [{"status": "not ready", "failing": failing}] * 3
    assert {"decisions", "evaluation"} <= set(failing)
    operator = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    checks = operator.get("/readyz").json()["checks"]
    assert checks["evaluation"] == {"ok": False, "detail": "the oldest unevaluated usage is 3600 s old"}
    assert {name for name, check in checks.items() if not check["ok"]} == {*failing} - {"decisions"}


def test_readyz_asks_the_database_as_often_whatever_waits(acme: Scope) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as run:
            Client().get("/readyz")
        counts.append(len(run.captured_queries))
        DirtyScope.objects.update_or_create(scope=acme, defaults={"dirty_since": AT})
    assert counts[0] == counts[1]
