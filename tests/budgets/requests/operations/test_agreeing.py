from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from budgets.plans.errors import ChangedSinceSeen, FourEyes, InsufficientFunds
from budgets.requests.errors import AgreedAlready, NotNext
from budgets.requests.models import Agreement, QuotaRequest
from budgets.requests.operations import (
    Conditions,
    answer_request,
    approve_request,
    ask_about_request,
    reject_request,
)
from governance.errors import RightRequired
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import AT, Propose, account_of, person
from tests.budgets.requests.conftest import Asks, shown

LEAD_THEN_FINANCE = {
    "name": "large", "unit": "money", "amount": {"above": "1000"},
    "steps": [{"persona": "engineering", "right": "constrain_demand"}, {"right": "approve_budget", "at": "acme"}],
}  # fmt: skip
RESERVE = {
    "name": "reserve", "scope": "acme/search", "unit": "money", "amount": {"up_to": "60"}, "own_reserve": True,
    "steps": [{"persona": "engineering", "right": "constrain_demand"}],
}  # fmt: skip


@pytest.fixture
def lead(search: Scope) -> Actor:
    return person("lea@example.com", search, "engineering", "constrain_demand")


def decide(request: QuotaRequest, actor: Actor, **conditions: Any) -> QuotaRequest:
    return approve_request(
        request_id=request.pk, actor=actor, reason="It pays.", expected_digest=shown(request), at=AT,
        conditions=Conditions(**conditions),
    )  # fmt: skip


def test_above_the_threshold_a_second_one_approves_a_part_and_the_money_moves(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    request = asks(search, "5000")
    told = Delivery.objects.filter(message__event_type="quota_request.submitted")
    assert [each.to for each in told] == [["lea@example.com"]]
    with pytest.raises(NotNext, match=r"wants engineering with .* at step 1 of 2: lea@example.com may agree next"):
        decide(request, finance)

    agreed = decide(request, lead, amount=Decimal(4000))

    assert (agreed.status, agreed.decided_by, account_of(search).funded) == ("submitted", None, Decimal(100))
    told = Delivery.objects.filter(message__event_type="quota_request.agreed")
    assert [each.to for each in told] == [["fay@example.com"]]
    with pytest.raises(
        AgreedAlready, match=r"lea@example\.com has agreed already; step 2 of 2 is next: fay@example\.com"
    ):
        decide(request, lead)
    with pytest.raises(NotNext, match=r"lea@example\.com may agree next"):
        decide(request, finance, amount=Decimal(4001))

    done = decide(request, finance, amount=Decimal(3000))

    assert (done.status, done.granted, account_of(search).funded) == ("approved", Decimal(3000), Decimal(3100))
    assert list(Agreement.objects.order_by("pk").values_list("step", "by__email", "amount", "rule")) == [
        (1, "lea@example.com", Decimal(4000), "large"), (2, "fay@example.com", Decimal(3000), "large"),
    ]  # fmt: skip
    record = DecisionRecord.objects.get(action="quota_request.approve")
    assert [(each["by"], each["amount"]) for each in record.evidence["agreements"]] == [
        ("lea@example.com", "4000"), ("fay@example.com", "3000"),
    ]  # fmt: skip
    assert DecisionRecord.objects.get(action="quota_request.agree").evidence["digest"] == (
        Agreement.objects.earliest("pk").digest
    )


def test_left_out_the_second_one_gives_what_the_first_agreed_to(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    request = asks(search, "5000")
    decide(request, lead, amount=Decimal(2000), models=["gpt-4o", "o3"])
    done = decide(request, finance, models=["o3"])
    assert (done.granted, done.for_models) == (Decimal(2000), ["o3"])


def test_below_the_threshold_and_without_a_rule_all_is_as_it_was(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    small = asks(search, "900")
    with pytest.raises(RightRequired, match=r"approve budgets at or above acme/search\. fay@example\.com may decide"):
        decide(small, lead)
    assert decide(small, finance).status == "approved"
    # 900 were given in this period: 101 more are over the threshold.
    with pytest.raises(NotNext):
        decide(asks(search, "101"), finance)


def test_neither_who_asked_nor_answered_nor_proposed_agrees(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor, author: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply({**LEAD_THEN_FINANCE, "steps": [{"persona": "engineering"}, {"right": "approve_budget"}]})
    request = asks(search, "5000")
    for own in (author, Actor.of_user(request.requested_by)):
        with pytest.raises(FourEyes, match=r"lea@example\.com may"):
            decide(request, own)
    decide(request, lead)
    ask_about_request(request_id=request.pk, actor=finance, text="Why?", at=AT)
    answer_request(request_id=request.pk, actor=lead, text="I know why.", at=AT)

    with pytest.raises(NotNext, match=r"at step 1 of 2: an administrator may agree next"):
        decide(request, finance)
    second = person("leo@example.com", search, "engineering", "")
    decide(request, second)
    assert decide(request, finance).status == "approved"
    with pytest.raises(IntegrityError, match=r"who asked does not agree"), transaction.atomic():
        Agreement.objects.create(
            request=request, by=request.requested_by, at=AT, step=1, amount=1, reason="x", basis="0" * 64,
            digest="0" * 64,
        )  # fmt: skip


def test_other_rules_or_terms_set_earlier_agreements_aside(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    request = asks(search, "5000")
    seen = shown(request)
    decide(request, lead)
    with pytest.raises(ChangedSinceSeen):
        approve_request(request_id=request.pk, actor=finance, reason="ok", expected_digest=seen, at=AT)
    approve(search, "200")
    with pytest.raises(NotNext, match=r"at step 1 of 2"):
        decide(request, finance)
    decide(request, lead)
    apply({**LEAD_THEN_FINANCE, "steps": [{"right": "approve_budget", "people": 2}]})
    with pytest.raises(NotNext):
        decide(request, lead)
    assert decide(request, finance).status == "submitted"
    apply()
    assert decide(request, finance).status == "approved"


def test_a_lead_gives_a_little_of_the_teams_own_reserve_and_no_more(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "130")
    approve(ranker, "50")
    apply(RESERVE)
    of_ranker = person("rob@example.com", ranker, "engineering", "constrain_demand")
    with pytest.raises(NotNext, match=r"lea@example\.com may agree next"):
        decide(asks(ranker, "40"), of_ranker)

    assert decide(asks(ranker, "40"), lead).status == "approved"

    assert (account_of(ranker).funded, account_of(search).granted_out) == (Decimal(90), Decimal(90))
    record = DecisionRecord.objects.get(action="budget.grant")
    assert (record.actor, record.scope_path) == ("lea@example.com", "acme/search/ranker")
    for other in (asks(ranker, "30"), asks(search, "30"), asks(ranker, "10", term="standing")):
        with pytest.raises(RightRequired):
            decide(other, lead)
    with pytest.raises(InsufficientFunds, match=r"acme has 8,870\.00 USD available"):
        decide(asks(ranker, "41"), finance)
    with pytest.raises(InsufficientFunds):
        decide(asks(ranker, "9000"), finance)
    assert account_of(search).granted_out == Decimal(90)


def test_members_of_any_step_ask_and_reject_and_nobody_else(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    request = asks(search, "5000", decide_by=AT + timedelta(days=3))
    other = person("zoe@example.com", search, "finance", "approve_budget")
    with pytest.raises(NotNext, match=r"lea@example\.com or fay@example\.com may decide"):
        reject_request(request_id=request.pk, actor=other, reason="no", at=AT)
    ask_about_request(request_id=request.pk, actor=finance, text="Why?", at=AT)
    assert reject_request(request_id=request.pk, actor=finance, reason="no", at=AT).status == "rejected"
