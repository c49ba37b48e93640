from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budgets.plans.errors import FourEyes, NotInForce, ProposalExists, WrongStatus
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import (
    Case,
    answer_request,
    ask_about_request,
    reject_request,
    submit_request,
    withdraw_request,
)
from budgets.requests.operations.asking import OPEN_MAX
from governance.errors import DomainError, NotFound, PersonRequired, ReasonMissing, RightRequired
from governance.messages.models import Delivery
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, person
from tests.budgets.requests.conftest import WHY, Asks


def test_more_is_asked_for_the_period_of_the_budget_that_is_charged(
    search: Scope, ranker: Scope, approve: Propose, asks: Asks
) -> None:
    approve(search, "100")

    request = asks(ranker, "50")

    assert (request.status, request.period, request.currency) == ("submitted", "month", "USD")
    assert (request.starts_on, request.ends_on) == (date(2026, 11, 1), date(2026, 12, 1))
    assert request.decide_by == datetime(2026, 12, 1, tzinfo=UTC), "no longer than the period it is for"
    assert [(entry.kind, entry.text, entry.by.email) for entry in request.thread.all()] == [
        ("submitted", "The launch doubles the calls.", "dev@example.com")
    ]
    record = DecisionRecord.objects.get(action="quota_request.submit")
    assert (record.actor, record.subject, record.evidence["amount"]) == (
        "dev@example.com", f"quota_request:{request.pk}", "50",
    )  # fmt: skip


def test_those_who_may_decide_are_told_and_nobody_else(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(search, "100")
    person("zoe@example.com", acme, "finance", "approve_budget")
    person("flo@example.com", acme, "finops", "set_unit_cost")

    asks(search, "50", actor=finance)

    told = Delivery.objects.filter(message__event_type="quota_request.submitted")
    assert sorted(each.to for each in told) == [["zoe@example.com"]]
    assert told[0].message["title"] == "50.00 USD more asked for acme/search"


def test_a_longer_wish_is_of_the_scopes_own_budget(search: Scope, ranker: Scope, approve: Propose, asks: Asks) -> None:
    approve(search, "100", period="quarter")

    own = asks(search, "50", term="standing")
    dated = asks(search, "50", term="dates", starts_on=date(2027, 1, 1), ends_on=date(2027, 7, 1))
    new = asks(ranker, "50", term="standing", unit="tokens", decide_by=AT + timedelta(days=3))

    assert (own.period, own.starts_on, own.ends_on) == ("quarter", date(2026, 10, 1), None)
    assert (dated.period, dated.starts_on, dated.ends_on) == ("quarter", date(2027, 1, 1), date(2027, 7, 1))
    assert (new.period, new.starts_on, new.currency) == ("month", date(2026, 11, 1), "")
    assert (own.decide_by, new.decide_by) == (AT + timedelta(days=14), AT + timedelta(days=3))


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"unit": "tokens"}, NotInForce),
        ({"unit": "beans"}, DomainError),
        ({"amount": "0"}, DomainError),
        ({"starts_on": date(2026, 12, 1)}, DomainError),
        ({"term": "standing", "ends_on": date(2027, 1, 1)}, DomainError),
        ({"term": "dates"}, DomainError),
        ({"term": "dates", "ends_on": date(2027, 1, 2)}, DomainError),
        ({"case": Case(" ")}, ReasonMissing),
        ({"case": Case("why", link="javascript:alert(1)")}, DomainError),
        ({"case": Case("why", outcome_value=Decimal(-1))}, DomainError),
        ({"case": Case("why", estimate=Decimal(0))}, DomainError),
        ({"decide_by": AT}, DomainError),
        ({"decide_by": AT + timedelta(days=91)}, DomainError),
    ],
    ids=str,
)
def test_what_cannot_be_approved_is_not_asked(
    search: Scope, approve: Propose, asks: Asks, terms: dict[str, Any], error: type[DomainError]
) -> None:
    approve(search, "100")
    with pytest.raises(error):
        asks(search, **{"amount": "50", **terms})
    assert not QuotaRequest.objects.exists()


def test_a_flood_of_requests_is_refused(search: Scope, approve: Propose, asks: Asks) -> None:
    approve(search, "100")
    for _ in range(OPEN_MAX):
        asks(search, "1", submit=False)
    with pytest.raises(ProposalExists, match="20 requests for money of acme/search are open"):
        asks(search, "1")


def test_a_key_asks_for_its_owner_and_none_without_one(
    search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(search, "100")
    owned, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=SYSTEM, owner=finance.user, at=AT)
    nobodys, _ = create_api_key(scope=search, permissions=["budgets:write"], actor=SYSTEM, at=AT)

    request = asks(search, "50", actor=Actor.of_key(owned))

    assert request.requested_by == finance.user
    with pytest.raises(FourEyes):
        reject_request(request_id=request.pk, actor=finance, reason="mine", at=AT)
    with pytest.raises(PersonRequired):
        asks(search, "50", actor=Actor.of_key(nobodys))


def test_a_question_and_its_answer_go_to_and_fro(
    search: Scope, approve: Propose, asks: Asks, developer: Actor, finance: Actor
) -> None:
    approve(search, "100")
    request = asks(search, "50")
    with pytest.raises(WrongStatus):
        answer_request(request_id=request.pk, actor=developer, text="Nobody asked.", at=AT)

    ask_about_request(request_id=request.pk, actor=finance, text="Why not a smaller model?", at=AT)
    answer_request(request_id=request.pk, actor=developer, text="It fails one ticket in five.", at=AT)
    answered = ask_about_request(request_id=request.pk, actor=finance, text="And cached?", at=AT)

    assert answered.status == "questioned"
    assert [(entry.kind, entry.by.email) for entry in request.thread.order_by("pk")] == [
        ("submitted", "dev@example.com"), ("question", "fay@example.com"), ("answer", "dev@example.com"),
        ("question", "fay@example.com"),
    ]  # fmt: skip
    assert sorted((each.message["event_type"], each.to[0]) for each in Delivery.objects.all()) == [
        ("quota_request.answered", "fay@example.com"), ("quota_request.questioned", "dev@example.com"),
        ("quota_request.questioned", "dev@example.com"), ("quota_request.submitted", "fay@example.com"),
    ]  # fmt: skip


def test_who_answers_stands_behind_it_and_does_not_decide(
    search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(search, "100")
    second = person("zoe@example.com", search, "finance", "approve_budget")
    request = asks(search, "50")
    ask_about_request(request_id=request.pk, actor=finance, text="Why?", at=AT)
    answer_request(request_id=request.pk, actor=second, text="I know why.", at=AT)

    with pytest.raises(FourEyes, match="or answered for it"):
        reject_request(request_id=request.pk, actor=second, reason="no", at=AT)
    assert reject_request(request_id=request.pk, actor=finance, reason="no", at=AT).status == "rejected"


def test_a_draft_is_submitted_later_and_withdrawn_by_its_own(
    search: Scope, approve: Propose, asks: Asks, developer: Actor, finance: Actor
) -> None:
    approve(search, "100")
    draft = asks(search, "50", submit=False)
    other = person("bo@example.com", search, "engineering", "")
    stranger = person(
        "eve@example.com",
        Scope.objects.create(slug="globex", kind="organisation", currency="USD"),
        "finance",
        "approve_budget",
    )

    with pytest.raises(WrongStatus):
        reject_request(request_id=draft.pk, actor=finance, reason="no", at=AT)
    with pytest.raises(NotFound):
        submit_request(request_id=draft.pk, actor=stranger, at=AT)
    with pytest.raises(NotInForce, match="too old"):
        submit_request(request_id=draft.pk, actor=developer, at=datetime(2026, 12, 1, tzinfo=UTC))
    assert submit_request(request_id=draft.pk, actor=developer, at=AT).status == "submitted"
    with pytest.raises(RightRequired):
        withdraw_request(request_id=draft.pk, actor=other, reason="no", at=AT)
    assert withdraw_request(request_id=draft.pk, actor=developer, reason="Not needed.", at=AT).status == "withdrawn"
    assert WHY.justification == draft.justification
