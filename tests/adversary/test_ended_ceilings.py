"""No one ends a budget that nothing holds back above, alone: it holds until a second person ends it too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.approvals.models import EndProposal
from budgets.approvals.operations import end_budget, end_digest, withdraw_end
from budgets.plans.errors import ChangedSinceSeen, FourEyes, WrongStatus
from governance.errors import PersonRequired, RightRequired
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, approve, author, finance, person, propose

__all__ = ["approve", "author", "finance", "propose"]

pytestmark = [pytest.mark.adversary("four eyes"), pytest.mark.django_db]

WEEK = timedelta(days=7)


@pytest.fixture
def second(acme: Scope) -> Actor:
    return person("zoe@example.com", acme, "finance", "approve_budget")


def signed_in(actor: Actor) -> tuple[Client, APIClient]:
    browser, api = Client(), APIClient()
    for client in (browser, api):
        client.force_login(actor.user)
    return browser, api


def test_over_the_api_and_the_pages_one_person_ends_no_top_budget(
    search: Scope, approve: Propose, finance: Actor, second: Actor
) -> None:
    budget = approve(search, "100", at=timezone.now())
    browser, api = signed_in(finance)
    url, pages = f"/api/v1/budgets/{budget.pk}", "admin:budgets_budget"

    answer = api.post(f"{url}/end", {"reason": "The team closes."}, format="json")
    asked = answer.json()["waiting_end"]
    assert (answer.status_code, answer.json()["status"], asked["proposed_by"], asked["may_complete"]) == (
        202, "approved", "fay@example.com", ["zoe@example.com"],
    )  # fmt: skip
    assert api.get("/api/v1/budgets").json()["results"][0]["waiting_end"] == asked
    again = api.post(f"{url}/end", {"reason": "mine"}, format="json")
    assert (again.status_code, again.json()["code"]) == (403, "four_eyes")
    page = browser.get(reverse(f"{pages}_end_one", args=[budget.pk])).content.decode()
    assert "You asked for its end; someone else has to agree" in page
    assert 'name="reason"' not in page
    browser.post(reverse(f"{pages}_end_one", args=[budget.pk]), {"apply": "1", "reason": "mine"})
    budget.refresh_from_db()
    assert budget.status == "approved"

    browser, _api = signed_in(second)
    assert "to be ended" in browser.get("/admin/").content.decode()
    listed = browser.get("/admin/budgets/budget/?waiting=decision").content.decode()
    assert reverse(f"{pages}_change", args=[budget.pk]) in listed
    assert "The team closes." in browser.get(reverse(f"{pages}_change", args=[budget.pk])).content.decode()
    page = browser.get(reverse(f"{pages}_end_one", args=[budget.pk])).content.decode()
    assert f'name="digest_{budget.pk}" value="{asked["digest"]}"' in page
    assert "The team closes." in page
    posted = {"apply": "1", "reason": "agreed", f"digest_{budget.pk}": asked["digest"]}
    browser.post(reverse(f"{pages}_end_one", args=[budget.pk]), posted)
    budget.refresh_from_db()
    assert budget.status == "ended"
    steps = DecisionRecord.objects.filter(action__startswith="budget.end").order_by("pk")
    assert [(step.action, step.actor, step.reason) for step in steps] == [
        ("budget.end_propose", "fay@example.com", "The team closes."), ("budget.end", "zoe@example.com", "agreed"),
    ]  # fmt: skip
    assert (steps[1].evidence["proposed_by"], steps[1].evidence["asked_for"]) == ("fay@example.com", "The team closes.")


def test_in_the_admin_it_is_said_that_it_holds_as_before(search: Scope, approve: Propose, finance: Actor) -> None:
    budget = approve(search, "100", at=timezone.now())
    browser, _api = signed_in(finance)
    page = browser.post(
        reverse("admin:budgets_budget_end_one", args=[budget.pk]), {"apply": "1", "reason": "over"}, follow=True
    )
    assert "for a second person to end it too; it holds as before" in page.content.decode()
    url = reverse("admin:budgets_budget_withdraw_end_one", args=[budget.pk])
    assert "goes on" in browser.post(url, {"apply": "1", "reason": "A mistake."}, follow=True).content.decode()
    assert list(EndProposal.objects.values_list("status", flat=True)) == ["withdrawn"]


def test_neither_who_asked_nor_a_key_nor_who_has_no_right_completes_it(
    search: Scope, approve: Propose, author: Actor, finance: Actor
) -> None:
    budget = approve(search, "100")
    end_budget(budget_id=budget.pk, actor=finance, reason="over", at=AT)
    finance.user.is_superuser = True
    key, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=finance, at=AT)
    for actor, error in (
        (finance, FourEyes), (author, RightRequired), (Actor.of_key(key), PersonRequired),
    ):  # fmt: skip
        with pytest.raises(error):
            end_budget(budget_id=budget.pk, actor=actor, reason="ok", at=AT)
    with pytest.raises(DatabaseError, match="decided_by_another_person"), transaction.atomic():
        EndProposal.objects.update(status="made", decided_by=finance.user, decided_at=AT, decision_reason="mine")
    with pytest.raises(DatabaseError, match="not edited"), transaction.atomic():
        EndProposal.objects.update(expires_at=AT + 2 * WEEK)
    budget.refresh_from_db()
    assert (budget.status, account_of(search).funded) == ("approved", 100)


def test_it_is_completed_as_it_was_shown_and_within_seven_days(
    search: Scope, approve: Propose, finance: Actor, second: Actor
) -> None:
    budget = approve(search, "100")
    shown = end_digest(budget, None)
    end_budget(budget_id=budget.pk, actor=finance, reason="over", at=AT, expected_digest=shown)
    with pytest.raises(ChangedSinceSeen):
        end_budget(budget_id=budget.pk, actor=second, reason="over", at=AT, expected_digest=shown)

    later = end_budget(budget_id=budget.pk, actor=second, reason="over too", at=AT + WEEK)

    assert isinstance(later, EndProposal)
    assert list(EndProposal.objects.order_by("pk").values_list("status", "proposed_by__email")) == [
        ("withdrawn", "fay@example.com"), ("waiting", "zoe@example.com"),
    ]  # fmt: skip
    withdraw_end(budget_id=budget.pk, actor=finance, reason="It goes on.", at=AT + WEEK)
    with pytest.raises(WrongStatus):
        withdraw_end(budget_id=budget.pk, actor=finance, reason="It goes on.", at=AT + WEEK)
    budget.refresh_from_db()
    assert budget.status == "approved"


def test_where_another_holds_above_one_person_ends_it_and_where_it_is_of_another_unit_not(
    acme: Scope, search: Scope, approve: Propose, finance: Actor
) -> None:
    above, below = approve(acme, "1000"), approve(search, "100")
    tokens = approve(search, "100", unit="tokens")
    results = [
        end_budget(budget_id=budget.pk, actor=finance, reason="over", at=AT) for budget in (tokens, below, above)
    ]
    assert [type(result).__name__ for result in results] == ["EndProposal", "Budget", "EndProposal"]
