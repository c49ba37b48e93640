from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error, transaction
from django.test import Client
from django.urls import reverse

from governance.errors import DomainError
from governance.organisations.operations import create_api_key
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.unit_costs.models import UnitCostTarget
from tests.governance.unit_costs.accepted import AT, NOVEMBER, SYSTEM, accept


def person(email: str, scope: Scope, persona: str, right: str) -> User:
    user = User.objects.create_user(email, "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
    return user


@pytest.fixture
def finance(search: Scope) -> User:
    return person("fay@acme.example", search, "finance", "set_unit_cost")


def test_what_is_accepted_is_a_version_with_its_record(search: Scope, finance: User) -> None:
    by = Actor.of_user(finance)
    first, second = accept(search, by), accept(search, by, amount=Decimal("0.40"), reason="Prices fell.")
    assert [(row.version, row.amount, row.currency, row.accepted_by) for row in (first, second)] == [
        (1, Decimal("0.45"), "USD", finance),
        (2, Decimal("0.40"), "USD", finance),
    ]
    record = DecisionRecord.objects.latest("seq")
    assert (record.action, record.scope, record.reason, record.actor) == (
        "unit_cost.accept", search, "Prices fell.", "fay@acme.example",
    )  # fmt: skip
    assert record.evidence == {
        "unit": "successful_outcome", "outcome_name": "ticket_resolved", "version": 2, "amount": "0.40",
        "currency": "USD", "effective_from": "2026-11-01", "until": None, "review_by": None, "before": "0.450000000",
    }  # fmt: skip


def test_another_unit_counts_its_versions_apart(search: Scope) -> None:
    accept(search)
    assert accept(search, unit="inference", outcome_name="").version == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"unit": "token"}, "unit", id="no such unit"),
        pytest.param({"unit": "gpu_hour"}, "outcome_name", id="a GPU hour has no outcome"),
        pytest.param({"outcome_name": "Ticket resolved"}, "outcome_name", id="a name that is text"),
        pytest.param({"amount": Decimal(0)}, "amount", id="nothing"),
        pytest.param({"amount": Decimal(-1)}, "amount", id="below nothing"),
        pytest.param({"amount": Decimal("0.0000000001")}, "amount", id="ten places"),
        pytest.param({"amount": Decimal("NaN")}, "amount", id="no number"),
        pytest.param({"reason": "  "}, "reason", id="no reason"),
        pytest.param({"until": NOVEMBER}, "until", id="ends when it starts"),
        pytest.param({"review_by": date(2026, 10, 31)}, "review_by", id="reviewed before it starts"),
    ],
)
def test_what_is_no_unit_cost_is_refused_with_its_field(search: Scope, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        accept(search, **changes)
    assert (refused.value.code, refused.value.extra["field"]) == ("unit_cost_invalid", field)
    assert not UnitCostTarget.objects.exists()


def test_only_who_holds_the_right_accepts(acme: Scope, search: Scope, finance: User) -> None:
    engineer = person("ada@acme.example", search, "engineering", "acknowledge")
    key, _ = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)
    for by, scope in ((Actor.of_user(engineer), search), (Actor.of_key(key), search), (Actor.of_user(finance), acme)):
        with pytest.raises(DomainError) as refused:
            accept(scope, by)
        assert refused.value.status == 403
    assert not UnitCostTarget.objects.exists()


def test_the_database_keeps_what_was_accepted(search: Scope) -> None:
    target = accept(search)
    with pytest.raises(Error), transaction.atomic():
        UnitCostTarget.objects.filter(pk=target.pk).update(amount=1)
    with pytest.raises(Error), transaction.atomic():
        UnitCostTarget.objects.all().delete()
    assert UnitCostTarget.objects.get().amount == Decimal("0.45")


def body(**changes: Any) -> dict[str, Any]:
    return {
        "scope": "acme/search",
        "unit": "inference",
        "amount": "0.002",
        "reason": "As planned.",
        "effective_from": "2026-11-01",
        **changes,
    }


def test_a_person_accepts_over_http_once_per_key_and_everybody_reads_the_history(
    client: Client, search: Scope, finance: User
) -> None:
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    answers = [
        client.post(
            "/api/v1/unit-cost-targets", body(), content_type="application/json", headers={"Idempotency-Key": "1"}
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    accept(search, unit="inference", outcome_name="", amount=Decimal("0.003"))
    listed = client.get("/api/v1/unit-cost-targets?scope=acme/search&unit=inference&on=2026-11-24").json()["results"]
    assert [(row["version"], row["amount"], row["accepted_by"]) for row in listed] == [
        (2, "0.003000000", "weir"),
        (1, "0.002000000", "fay@acme.example"),
    ]
    assert client.get("/api/v1/unit-cost-targets?on=2026-10-01").json()["results"] == []
    refused = client.post("/api/v1/unit-cost-targets", body(unit="dozen"), content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "unit")


def test_finance_accepts_in_the_admin_and_nobody_edits(client: Client, search: Scope, finance: User) -> None:
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    form = {"scope": search.pk, "unit": "action", "outcome_name": "", "amount": "0.5", "reason": "Agreed.",
            "effective_from": "2026-11-01", "until": "", "review_by": "2027-02-01"}  # fmt: skip
    answer = client.post(reverse("admin:governance_unitcosttarget_add"), form)
    assert answer.status_code == 302, answer.content
    target = UnitCostTarget.objects.get()
    assert (target.amount, target.accepted_by, target.review_by) == (Decimal("0.5"), finance, date(2027, 2, 1))
    page = reverse("admin:governance_unitcosttarget_change", args=[target.pk])
    content = client.get(page).content.decode()
    assert "Agreed." in content
    assert client.post(page, {**form, "amount": "9"}).status_code == 403
    refused = client.post(
        reverse("admin:governance_unitcosttarget_add"), {**form, "unit": "gpu_hour", "outcome_name": "x"}
    )
    assert refused.status_code == 200
    assert UnitCostTarget.objects.count() == 1


def test_an_engineer_is_not_offered_the_form(client: Client, search: Scope) -> None:
    client.force_login(
        person("ada@acme.example", search, "engineering", ""), backend="django.contrib.auth.backends.ModelBackend"
    )
    assert client.get(reverse("admin:governance_unitcosttarget_add")).status_code == 403
    assert client.get(reverse("admin:governance_unitcosttarget_changelist")).status_code == 200
