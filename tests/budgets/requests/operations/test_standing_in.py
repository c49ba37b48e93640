"""Approvals of somebody who is away: who stands in agrees in their place, under the same rules."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.approval_rules.models import ApprovalRules
from budgets.plans.errors import FourEyes
from budgets.requests.errors import AgreedAlready
from budgets.requests.models import Agreement
from budgets.requests.operations import approve_request, reject_request
from governance.errors import NotFound, RightRequired
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import AT, Propose, account_of, person
from tests.budgets.requests.conftest import Asks, shown
from tests.budgets.requests.operations.test_agreeing import LEAD_THEN_FINANCE, decide

AWAY: dict[str, Any] = {
    "instead_of": "fay@example.com", "to": "Sam@example.com", "scope": "acme/search", "starts_on": "2026-11-24",
    "ends_on": "2026-11-26",
}  # fmt: skip


@pytest.fixture
def sam(search: Scope) -> Actor:
    return person("sam@example.com", search, "finops", "")


def test_who_stands_in_approves_until_the_end_and_both_are_on_record(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, sam: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    apply(stand_ins=[AWAY])
    request, own, of_fay = asks(search, "30"), asks(search, "20", actor=sam), asks(search, "40", actor=finance)
    event = f"quota-request:{request.pk}:submitted"
    assert sorted(each.to[0] for each in Delivery.objects.filter(message__event_id=event)) == ["sam@example.com"]
    for other in (own, of_fay):
        with pytest.raises(FourEyes if other is own else RightRequired):
            decide(other, sam)
    late = {"request_id": request.pk, "reason": "ok", "expected_digest": shown(request), "at": AT + timedelta(days=2)}
    with pytest.raises(RightRequired):
        approve_request(actor=sam, **late)

    done = decide(request, sam)

    assert (done.status, done.decided_by, account_of(search).funded) == ("approved", sam.user, Decimal(130))
    kept = Agreement.objects.get()
    assert (kept.by, kept.instead_of) == (sam.user, finance.user)
    records = DecisionRecord.objects.filter(action__in=("budget.grant", "quota_request.approve")).order_by("seq")
    assert [each.actor for each in records] == ["sam@example.com for fay@example.com"] * 2
    assert records[1].evidence["instead_of"] == "fay@example.com"
    rejected = asks(search, "10")
    reject_request(request_id=rejected.pk, actor=sam, reason="no", at=AT)
    assert DecisionRecord.objects.get(action="quota_request.reject").actor == "sam@example.com for fay@example.com"


def test_by_one_agreement_both_are_spent(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, sam: Actor
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply({**LEAD_THEN_FINANCE, "steps": [{"right": "approve_budget", "people": 2}]}, stand_ins=[AWAY])
    request = asks(search, "5000")
    assert decide(request, sam).status == "submitted"
    with pytest.raises(AgreedAlready, match="an administrator may agree"):
        decide(request, finance)


def test_what_is_handed_over_at_a_team_is_not_the_organisations(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, sam: Actor
) -> None:
    approve(acme, "1000")
    apply(stand_ins=[AWAY])
    with pytest.raises(RightRequired, match="at or above acme"):
        decide(asks(search, "10"), sam)


def test_only_who_sees_the_scope_stands_in(search: Scope, finance: Actor) -> None:
    with pytest.raises(NotFound, match=r"there is no sam@example\.com who sees acme/search"):
        apply(stand_ins=[AWAY])
    assert not ApprovalRules.objects.exists()
