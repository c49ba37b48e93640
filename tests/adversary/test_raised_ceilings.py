"""No one raises a ceiling alone, by whatever road: what one person asks for stands, and moves nothing, until a second
one approves what was shown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from budgets.approvals.models import GrantProposal
from budgets.approvals.operations import approve_grant, grant_digest, grant_more, reject_grant, withdraw_grant
from budgets.ledger.models import Account
from budgets.plans.errors import ChangedSinceSeen, FourEyes, NotInForce, ProposalExists, WrongStatus
from budgets.plans.models import Budget
from governance.errors import PersonRequired, RightRequired
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, approve, author, finance, person, propose

__all__ = ["approve", "author", "finance", "propose"]

pytestmark = [pytest.mark.adversary("four eyes"), pytest.mark.django_db]

ASKED: dict[str, Any] = {"amount": "50", "reason": "The launch is worth it."}


@pytest.fixture
def second(acme: Scope) -> Actor:
    return person("zoe@example.com", acme, "finance", "approve_budget")


def signed_in(actor: Actor) -> tuple[Client, APIClient]:
    browser, api = Client(), APIClient()
    for client in (browser, api):
        client.force_login(actor.user)
    return browser, api


def test_over_the_api_and_the_pages_one_person_raises_no_top_budget(
    search: Scope, approve: Propose, finance: Actor, second: Actor
) -> None:
    budget = approve(search, "100", at=timezone.now())
    browser, api = signed_in(finance)
    url, pages = f"/api/v1/budgets/{budget.pk}", "admin:budgets_budget"

    answer = api.post(f"{url}/grant", ASKED, format="json")
    asked = answer.json()["waiting_grant"]
    assert (answer.status_code, asked["amount"], asked["proposed_by"]) == (202, "50", "fay@example.com")
    assert funded(budget) == Decimal(100)
    again = browser.post(reverse(f"{pages}_grant_one", args=[budget.pk]), ASKED | {"apply": "1"}, follow=True)
    assert "waits already" in again.content.decode()
    own = api.post(f"{url}/grant/approve", {"reason": "mine"}, format="json")
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    page = browser.get(reverse(f"{pages}_approve_grant_one", args=[budget.pk])).content.decode()
    assert "You asked for this grant" in page
    assert 'name="reason"' not in page
    browser.post(reverse(f"{pages}_approve_grant_one", args=[budget.pk]), {"apply": "1", "reason": "mine"})
    assert funded(budget) == Decimal(100)

    browser, _api = signed_in(second)
    page = browser.get(reverse(f"{pages}_approve_grant_one", args=[budget.pk])).content.decode()
    assert f'name="digest_{budget.pk}" value="{asked["digest"]}"' in page
    assert "50.00 USD more" in page
    assert "The launch is worth it." in page
    posted = {"apply": "1", "reason": "agreed", f"digest_{budget.pk}": asked["digest"]}
    browser.post(reverse(f"{pages}_approve_grant_one", args=[budget.pk]), posted)
    assert funded(budget) == Decimal(150)
    steps = DecisionRecord.objects.filter(action__startswith="budget.grant").order_by("pk")
    assert [(step.action, step.actor) for step in steps] == [
        ("budget.grant_propose", "fay@example.com"), ("budget.grant", "zoe@example.com"),
    ]  # fmt: skip
    assert steps[1].evidence["proposed_by"] == "fay@example.com"


def test_in_the_admin_it_is_said_that_nothing_moved(search: Scope, approve: Propose, finance: Actor) -> None:
    budget = approve(search, "100", at=timezone.now())
    browser, _api = signed_in(finance)
    url = reverse("admin:budgets_budget_grant_one", args=[budget.pk])
    page = browser.post(url, ASKED | {"apply": "1"}, follow=True).content.decode()
    assert "waits for a second person to approve it; nothing has moved" in page
    assert "granted more" not in page
    assert funded(budget) == Decimal(100)


def test_neither_who_asked_nor_an_author_nor_a_key_nor_who_has_no_right_approves(
    search: Scope, approve: Propose, author: Actor, finance: Actor
) -> None:
    budget = approve(search, "100")
    grant_more(budget_id=budget.pk, amount=Decimal(5), actor=finance, reason="more", at=AT)
    finance.user.is_superuser = author.user.is_superuser = True
    key, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=finance, at=AT)
    nobody = person("eve@example.com", search, "engineering", "")
    for actor, error in (
        (finance, FourEyes), (author, FourEyes), (Actor.of_key(key), PersonRequired), (nobody, RightRequired),
    ):  # fmt: skip
        with pytest.raises(error):
            approve_grant(budget_id=budget.pk, actor=actor, reason="ok", at=AT)
    with pytest.raises(DatabaseError, match="decided_by_another_person"), transaction.atomic():
        GrantProposal.objects.update(status="made", decided_by=finance.user, decided_at=AT, decision_reason="mine")
    assert account_of(search).funded == Decimal(100)


def test_what_changed_since_it_was_shown_is_not_approved(
    search: Scope, approve: Propose, finance: Actor, second: Actor
) -> None:
    budget = approve(search, "100")
    first = grant_more(budget_id=budget.pk, amount=Decimal(5), actor=finance, reason="more", at=AT)
    assert isinstance(first, GrantProposal)
    shown = grant_digest(first)
    withdraw_grant(budget_id=budget.pk, actor=finance, reason="no", at=AT)
    grant_more(budget_id=budget.pk, amount=Decimal(500), actor=finance, reason="more", at=AT)
    with pytest.raises(ChangedSinceSeen):
        approve_grant(budget_id=budget.pk, actor=second, reason="ok", at=AT, expected_digest=shown)
    with pytest.raises(DatabaseError, match="not edited"), transaction.atomic():
        GrantProposal.objects.filter(status="waiting").update(amount=Decimal(5))
    with pytest.raises(NotInForce, match="which is over"):
        approve_grant(budget_id=budget.pk, actor=second, reason="ok", at=AT.replace(month=12))
    reject_grant(budget_id=budget.pk, actor=second, reason="too much", at=AT)
    with pytest.raises(WrongStatus):
        approve_grant(budget_id=budget.pk, actor=second, reason="ok", at=AT)
    assert account_of(search).funded == Decimal(100)


@pytest.mark.parametrize(("percent", "alone"), [(0, 0), (10, 1), (100, 10)])
def test_below_a_budget_one_person_raises_so_far_and_no_further_in_pieces(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, settings: Any, percent: int, alone: int
) -> None:
    settings.GRANT_ALONE_PERCENT = percent
    approve(acme, "1000")
    budget = approve(search, "100")

    def grant() -> bool:
        granted = grant_more(budget_id=budget.pk, amount=Decimal(10), actor=finance, reason="more", at=AT)
        return isinstance(granted, Account)

    assert [grant() for _ in range(alone + 1)] == [True] * alone + [False]
    with pytest.raises(ProposalExists):
        grant()
    assert account_of(search).funded == Decimal(100 + 10 * alone)


def funded(budget: Budget) -> Decimal:
    return Account.objects.get(
        budget=budget, period_end__gt=timezone.now().date(), period_start__lte=timezone.now()
    ).funded
