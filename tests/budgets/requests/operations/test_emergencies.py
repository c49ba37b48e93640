from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from budgets.plans.errors import EmergencyRefused, FourEyes, InsufficientFunds, WrongStatus
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import (
    approve_request,
    confirm_emergency,
    dispute_emergency,
    expire_requests,
    grant_in_emergency,
)
from governance.errors import NotFound, PersonRequired, RightRequired
from governance.messages.models import Delivery
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import ApiKey
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, person, use

DAY = timedelta(days=1)


@pytest.fixture
def oncall(search: Scope) -> Actor:
    return person("ona@example.com", search, "engineering", "grant_in_emergency")


@pytest.fixture
def _budgets(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "1000")
    approve(search, "200")


def grant(scope: Scope, actor: Actor, amount: str = "10", **other: Any) -> QuotaRequest:
    values = {"unit": "money", "reason": "The checkout is down.", "at": AT, **other}
    return grant_in_emergency(scope=scope, actor=actor, amount=Decimal(amount), **values)


def told(key: str) -> dict[str, str]:
    """By whom it was told, under which title."""
    rows = Delivery.objects.filter(message__event_id__endswith=key)
    return {row.to[0]: row.message["title"] for row in rows}


@pytest.mark.usefixtures("_budgets")
def test_money_is_there_at_once_is_in_the_chain_and_its_owners_are_told(
    search: Scope, acme: Scope, ranker: Scope, oncall: Actor, finance: Actor
) -> None:
    made = grant(ranker, oncall)
    assert (made.status, made.granted, made.decided_by, made.decide_by) == (
        "emergency", Decimal(10), None, AT + timedelta(days=3),
    )  # fmt: skip
    assert (account_of(search).funded, account_of(acme).granted_out) == (Decimal(210), Decimal(210))
    moved, granted = DecisionRecord.objects.order_by("-seq")[:2][::-1]
    assert (moved.action, moved.actor, moved.evidence["quota_request"]) == ("budget.grant", "ona@example.com", made.pk)
    assert (granted.action, granted.evidence["left_for_emergencies"]) == ("quota_request.grant_in_emergency", "0")
    title = "Granted in an emergency: 10.00 USD more for acme/search/ranker"
    assert told(":emergency") == {"fay@example.com": title, "ona@example.com": title}


@pytest.mark.usefixtures("_budgets")
def test_the_caps_bound_what_one_person_grants_alone(search: Scope, oncall: Actor, settings: Any) -> None:
    with pytest.raises(EmergencyRefused, match=r"10\.00 USD may be granted in an emergency now") as refused:
        grant(search, oncall, "10.01")
    assert refused.value.extra == {"left": "10"}
    grant(search, oncall, "6")
    with pytest.raises(EmergencyRefused):
        grant(search, oncall, "4.01", at=AT + timedelta(hours=11))
    grant(search, oncall, "10", at=AT + DAY)
    with pytest.raises(EmergencyRefused, match=r"4\.00 USD may"):
        grant(search, oncall, "5", at=AT + 2 * DAY)
    settings.EMERGENCY_PERIOD_PERCENT = 0
    with pytest.raises(EmergencyRefused, match=r"0\.00 USD may"):
        grant(search, oncall, "1", at=AT + 2 * DAY)
    assert account_of(search).funded == Decimal(216)


def test_no_ceiling_is_raised_by_it(
    acme: Scope, search: Scope, approve: Propose, oncall: Actor, finance: Actor, settings: Any
) -> None:
    approve(acme, "210")
    approve(search, "205")
    of_acme = person("amy@example.com", acme, "platform", "grant_in_emergency")
    with pytest.raises(FourEyes, match="takes two persons, in an emergency too"):
        grant(acme, of_acme, "1")
    with pytest.raises(InsufficientFunds):
        grant(search, of_acme, "6")
    settings.GRANT_ALONE_PERCENT = 0
    with pytest.raises(FourEyes):
        grant(search, oncall, "1")


@pytest.mark.usefixtures("_budgets")
def test_only_a_person_with_this_very_right_over_the_budget(
    search: Scope, ranker: Scope, finance: Actor, author: Actor
) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    key, _ = create_api_key(scope=search, permissions=["admin"], actor=SYSTEM, at=AT)
    for actor, refusal in (
        (finance, RightRequired),
        (person("rob@example.com", ranker, "engineering", "grant_in_emergency"), NotFound),
        (person("eve@example.com", globex, "engineering", "grant_in_emergency"), NotFound),
        (Actor.of_key(key), PersonRequired),
        (SYSTEM, PersonRequired),
    ):
        with pytest.raises(refusal):
            grant(ranker, actor)
    # The budget's author stays out of it too.
    author.user.ownerships.create(scope=search, persona="engineering", decision_right="grant_in_emergency")  # type: ignore[union-attr]  # a person
    with pytest.raises(FourEyes, match="proposed this budget"):
        grant(search, author)
    assert account_of(search).funded == Decimal(200)


@pytest.mark.usefixtures("_budgets")
def test_a_second_person_confirms_it_and_it_stays(search: Scope, acme: Scope, oncall: Actor, finance: Actor) -> None:
    oncall.user.ownerships.create(scope=acme, persona="finance", decision_right="approve_budget")  # type: ignore[union-attr]  # a person
    made = grant(search, oncall)
    with pytest.raises(FourEyes):
        confirm_emergency(request_id=made.pk, actor=oncall, reason="It was me.", at=AT)
    user = person("una@example.com", acme, "finance", "approve_budget")
    key, _ = create_api_key(scope=search, permissions=["usage:write"], actor=SYSTEM, at=AT)
    ApiKey.objects.filter(pk=key.pk).update(created_by=user.user)
    with pytest.raises(FourEyes, match="owns a key that uses this budget"):
        confirm_emergency(request_id=made.pk, actor=user, reason="We need it.", at=AT)
    with pytest.raises(WrongStatus):
        approve_request(request_id=made.pk, actor=finance, reason="x", expected_digest=made.digest, at=AT)
    done = confirm_emergency(request_id=made.pk, actor=finance, reason="The checkout was down.", at=AT + DAY)
    assert (done.status, done.decided_by, done.taken_back) == ("confirmed", finance.user, None)
    assert account_of(search).funded == Decimal(210)
    with pytest.raises(WrongStatus, match="it is confirmed"):
        dispute_emergency(request_id=made.pk, actor=finance, reason="No.", at=AT + DAY)
    with pytest.raises(IntegrityError, match="not edited"), transaction.atomic():
        QuotaRequest.objects.filter(pk=made.pk).update(granted=Decimal(9))


@pytest.mark.usefixtures("_budgets")
@pytest.mark.parametrize(("used", "back"), [("150", "10"), ("207", "3"), ("215", "0")])
def test_what_is_left_of_a_disputed_one_is_taken_back(
    search: Scope, acme: Scope, oncall: Actor, finance: Actor, used: str, back: str
) -> None:
    made = grant(search, oncall)
    use(search, used)
    done = dispute_emergency(request_id=made.pk, actor=finance, reason="That was a test run.", at=AT + DAY)
    assert (done.status, done.taken_back) == ("disputed", Decimal(back))
    assert account_of(search).funded == Decimal(210) - Decimal(back)
    assert account_of(acme).granted_out == account_of(search).funded
    assert told(":disputed")["ona@example.com"] == "Emergency grant disputed: 10.00 USD more for acme/search"
    # What was disputed counts against the caps all the same.
    with pytest.raises(EmergencyRefused):
        grant(search, oncall, "1", at=AT + timedelta(hours=1))


@pytest.mark.usefixtures("_budgets")
def test_one_that_nobody_reviews_is_told_of_once_and_keeps_others_back(
    search: Scope, oncall: Actor, finance: Actor
) -> None:
    made = grant(search, oncall)
    late = AT + timedelta(days=3)
    assert [expire_requests(at=at) for at in (late - timedelta(seconds=1), late, late + DAY)] == [0, 1, 0]
    stored = QuotaRequest.objects.get(pk=made.pk)
    assert (stored.status, [entry.kind for entry in stored.thread.order_by("pk")]) == (
        "emergency", ["emergency", "overdue"],
    )  # fmt: skip
    assert set(told(":overdue:owners")) == {"fay@example.com", "ona@example.com"}
    with pytest.raises(EmergencyRefused, match="waits for its review"):
        grant(search, oncall, "1", at=late)
    confirm_emergency(request_id=made.pk, actor=finance, reason="Late, but right.", at=late + DAY)
    assert grant(search, oncall, "1", at=late + DAY).status == "emergency"
