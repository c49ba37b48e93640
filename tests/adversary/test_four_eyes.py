"""Ways round the second person: a proposal that changes as it is approved, a command's author, a key's owner."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.approvals.operations import approve_budget, create_budget
from budgets.plans.errors import ChangedSinceSeen, FourEyes
from budgets.plans.models import Budget
from budgets.plans.operations import terms_digest
from governance.errors import PersonRequired
from governance.management import arguments
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import Propose, approve, author, finance, person, propose

__all__ = ["approve", "author", "finance", "propose"]

pytestmark = [pytest.mark.adversary("four eyes"), pytest.mark.django_db]

DOCUMENT = """
apiVersion: weir/v1
kind: Budget
metadata: {name: search-money}
spec: {scope: acme/search, unit: money, amount: "100", period: month}
"""


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Decimal(101)},
        {"period": "quarter", "starts_on": date(2026, 10, 1)},
        {"unit": "tokens", "currency": ""},
        {"starts_on": date(2027, 1, 1)},
        {"ends_on": date(2036, 1, 1)},
        {"note": "for something else"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_after_it_was_shown_is_not_approved(
    search: Scope, propose: Propose, finance: Actor, change: Mapping[str, object]
) -> None:
    budget = propose(search, "100", at=timezone.now())
    browser, api = Client(), APIClient()
    for client in (browser, api):
        client.force_login(finance.user)
    url = reverse("admin:budgets_budget_approve_one", args=[budget.pk])
    page = browser.get(url).content.decode()
    shown = api.get(f"/api/v1/budgets/{budget.pk}").json()["digest"]
    assert f'name="digest_{budget.pk}" value="{shown}"' in page

    Budget.objects.filter(pk=budget.pk).update(**change)

    posted = {"apply": "1", "reason": "ok", f"digest_{budget.pk}": shown}
    assert "since you looked" in browser.post(url, posted, follow=True).content.decode()
    answer = api.post(f"/api/v1/budgets/{budget.pk}/approve", {"reason": "ok", "expected_digest": shown}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_since_seen")
    assert Budget.objects.get().status == "submitted"

    seen_again = api.get(f"/api/v1/budgets/{budget.pk}").json()["digest"]
    answer = api.post(
        f"/api/v1/budgets/{budget.pk}/approve", {"reason": "ok", "expected_digest": seen_again}, format="json"
    )
    assert answer.status_code == 200, answer.content


def test_a_proposal_of_somebody_else_is_another_proposal(search: Scope, propose: Propose, finance: Actor) -> None:
    budget = propose(search, "100")
    shown = terms_digest(budget)
    other = person("bo@example.com", search, "engineering", "")
    Budget.objects.filter(pk=budget.pk).update(submitted_by=other.user)

    with pytest.raises(ChangedSinceSeen):
        approve_budget(budget_id=budget.pk, actor=finance, reason="ok", at=timezone.now(), expected_digest=shown)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WEIR_AS", "Fay@Example.com"),
        ("GITLAB_USER_EMAIL", "fay@example.com"),
        ("GITHUB_ACTOR", "fay"),
        ("SUDO_USER", "fay"),
        ("", "fay"),
    ],
)
def test_who_applies_a_document_does_not_approve_it(
    search: Scope, finance: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    _is_run_by(monkeypatch, variable, value)
    (tmp_path / "budget.yaml").write_text(DOCUMENT)
    call_command("apply", str(tmp_path), stdout=StringIO())
    budget = Budget.objects.get()

    with pytest.raises(FourEyes):
        approve_budget(budget_id=budget.pk, actor=finance, reason="mine", at=timezone.now())

    somebody = person("bo@example.com", search, "finance", "approve_budget")
    approve_budget(budget_id=budget.pk, actor=somebody, reason="planned", at=timezone.now())
    proposed = DecisionRecord.objects.filter(action="budget.submit").get()
    assert proposed.actor == f"command line, {value}"


def test_as_names_the_person_who_runs_it(
    search: Scope, finance: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _is_run_by(monkeypatch, "GITHUB_ACTOR", "someone-else")
    (tmp_path / "budget.yaml").write_text(DOCUMENT)
    with pytest.raises(CommandError, match=r"--as nobody@example\.com: nobody signs in"):
        call_command("apply", str(tmp_path), "--as", "nobody@example.com")

    call_command("apply", str(tmp_path), "--as", "fay@example.com", stdout=StringIO())

    budget = Budget.objects.get()
    assert (budget.created_by, budget.submitted_by, budget.author_name) == (
        finance.user, finance.user, "fay@example.com",
    )  # fmt: skip
    with pytest.raises(FourEyes):
        approve_budget(budget_id=budget.pk, actor=finance, reason="mine", at=timezone.now())


def test_the_owner_of_a_key_that_a_command_made_does_not_approve_what_it_proposes(
    search: Scope, finance: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _is_run_by(monkeypatch, "", "operator")
    words = ("keys", "create", "--scope", "acme/search", "--can", "budgets:write")
    with pytest.raises(CommandError, match="add --owner EMAIL"):
        call_command(*words)

    call_command(*words, "--owner", "fay@example.com", stdout=StringIO(), stderr=StringIO())

    key = ApiKey.objects.get()
    assert key.created_by == finance.user
    budget = create_budget(scope=search, amount=Decimal(5), actor=Actor.of_key(key), at=timezone.now())
    Budget.objects.filter(pk=budget.pk).update(status="submitted", submitted_at=timezone.now())
    with pytest.raises(FourEyes):
        approve_budget(budget_id=budget.pk, actor=finance, reason="mine", at=timezone.now())


def test_where_one_person_keeps_the_installation_a_key_is_theirs(
    search: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    _is_run_by(monkeypatch, "", "operator")
    admin = User.objects.create_superuser("admin@example.com", "a long password")

    call_command("keys", "create", "--scope", "acme", "--can", "budgets:write", stdout=StringIO(), stderr=StringIO())

    assert ApiKey.objects.get().created_by == admin


def test_a_key_that_nobody_answers_for_proposes_nothing(search: Scope) -> None:
    key, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=Actor.system(), at=timezone.now())

    with pytest.raises(PersonRequired, match="has no owner"):
        create_budget(scope=search, amount=Decimal(5), actor=Actor.of_key(key), at=timezone.now())


def _is_run_by(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    account: Callable[[], str] = (lambda: "weir") if variable else (lambda: value)
    for name in arguments.NAMED_BY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "WEIR_AS", value if variable == "WEIR_AS" else "")
    if variable not in {"", "WEIR_AS"}:
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(arguments.getpass, "getuser", account)
