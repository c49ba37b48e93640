from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from budgets.ledger.models import Account
from budgets.plans.errors import ChangedSinceSeen, FourEyes, InsufficientFunds, NotInForce, WrongStatus
from budgets.plans.models import Budget
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import (
    Conditions,
    answer_request,
    approve_request,
    ask_about_request,
    reject_request,
    withdraw_request,
)
from governance.errors import Invalid, RightRequired
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, person, use
from tests.budgets.requests.conftest import Asks, shown


def decide(request: QuotaRequest, actor: Actor, *, at: datetime = AT, **conditions: Any) -> QuotaRequest:
    return approve_request(
        request_id=request.pk, actor=actor, reason="It pays.", expected_digest=shown(request), at=at,
        conditions=Conditions(**conditions),
    )  # fmt: skip


def test_the_money_comes_from_the_budget_above_with_the_approval(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(acme, "1000")
    budget = approve(search, "100")
    request = asks(search, "50")
    seen = shown(request)

    done = decide(request, finance)

    assert (done.status, done.granted, done.budget, done.digest) == ("approved", Decimal(50), budget, seen)
    assert (account_of(search).funded, account_of(acme).granted_out) == (Decimal(150), Decimal(150))
    granted, approved = DecisionRecord.objects.order_by("-seq")[:2][::-1]
    assert (granted.action, granted.evidence["quota_request"]) == ("budget.grant", request.pk)
    assert (approved.action, approved.evidence["digest"], approved.evidence["granted"]) == (
        "quota_request.approve", seen, "50",
    )  # fmt: skip
    told = Delivery.objects.get(message__event_type="quota_request.approved")
    assert (told.to, told.message["title"]) == (["dev@example.com"], "Approved: 50.00 USD more for acme/search")


def test_two_persons_raise_a_top_budget_by_however_much(
    search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(search, "100")
    decide(asks(search, "5000"), finance)
    assert account_of(search).funded == Decimal(5100)


def test_what_lies_below_a_budget_asks_for_that_budget(
    search: Scope, ranker: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    budget = approve(search, "100")
    of_ranker = person("rob@example.com", ranker, "finance", "approve_budget")
    request = asks(ranker, "50")
    with pytest.raises(RightRequired, match="at or above acme/search"):
        decide(request, of_ranker)
    assert decide(request, finance).budget == budget


def test_a_part_is_given_with_conditions_and_no_more_than_was_asked(
    search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(search, "100")
    request = asks(search, "50")
    with pytest.raises(Invalid, match=r"No more is given than was asked for: 50\.00 USD"):
        decide(request, finance, amount=Decimal("50.01"))
    with pytest.raises(Invalid, match="ends with it, on 2026-12-01"):
        decide(request, finance, until=date(2027, 1, 1))

    done = decide(request, finance, amount=Decimal(20), models=["gpt-4o"])

    assert (done.granted, done.for_models, account_of(search).funded) == (Decimal(20), ["gpt-4o"], Decimal(120))
    told = Delivery.objects.get(message__event_type="quota_request.approved")
    assert told.message["title"] == "Approved: 20.00 USD of 50.00 USD more for acme/search, for gpt-4o"


def test_a_standing_change_is_a_new_version_and_ends_when_it_is_said_to(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, developer: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    done = decide(asks(search, "50", term="standing"), finance, until=date(2027, 2, 1))

    versions = Budget.objects.filter(scope=search, status="approved").order_by("starts_on")
    assert [(each.amount, each.starts_on, each.ends_on, each.created_by) for each in versions] == [
        (Decimal(150), date(2026, 11, 1), date(2027, 2, 1), developer.user),
        (Decimal(100), date(2027, 2, 1), None, developer.user),
    ]
    assert (done.budget, done.granted_until) == (versions[0], date(2027, 2, 1))
    assert (account_of(search).funded, account_of(search).budget) == (Decimal(150), versions[0])


def test_a_scope_without_a_budget_gets_one_of_its_own(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(acme, "1000")
    use(search, "7")
    done = decide(asks(search, "300", term="dates", ends_on=date(2027, 1, 1)), finance, amount=Decimal(200))

    assert (done.budget.amount, done.budget.ends_on, done.budget.name) == (
        Decimal(200),
        date(2027, 1, 1),
        "acme.search.money",
    )
    assert (account_of(search).funded, account_of(search).spent) == (Decimal(200), Decimal(7))
    assert Budget.objects.filter(scope=search).count() == 1


def test_what_is_missing_where_it_is_and_who_could_move_it_is_said(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    approve(ranker, "80")
    request = asks(ranker, "50")

    with pytest.raises(InsufficientFunds) as refused:
        decide(request, finance)

    assert refused.value.detail == (
        "acme/search has 20.00 USD available from 2026-11-01 to 2026-12-01; 50.00 USD more is asked for"
        " acme/search/ranker. 30.00 USD are missing. acme has 900.00 USD available. fay@example.com could grant more to"
        " acme/search."
    )
    assert refused.value.extra == {
        "available": "20", "missing": "30", "lacking": "acme/search",
        "elsewhere": [{"scope": "acme", "available": "900"}], "could_move": ["fay@example.com"],
    }  # fmt: skip
    request.refresh_from_db()
    assert (request.status, account_of(ranker).funded) == ("submitted", Decimal(80))


def test_where_money_is_above_what_one_sees_is_not_said(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, asks: Asks
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    approve(ranker, "80")
    of_search = person("sam@example.com", search, "finance", "approve_budget")

    with pytest.raises(InsufficientFunds) as refused:
        decide(asks(ranker, "50"), of_search)

    assert (refused.value.extra["elsewhere"], refused.value.extra["could_move"]) == ([], ["sam@example.com"])
    assert "900" not in refused.value.detail


def test_what_changed_since_it_was_shown_is_not_approved(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, developer: Actor
) -> None:
    approve(search, "100")
    request = asks(search, "50")
    before = shown(request)
    ask_about_request(request_id=request.pk, actor=finance, text="Why?", at=AT)
    asked = shown(request)
    answer_request(request_id=request.pk, actor=developer, text="Because.", at=AT)
    approve(search, "90")

    for digest in (before, asked):
        with pytest.raises(ChangedSinceSeen):
            approve_request(request_id=request.pk, actor=finance, reason="ok", expected_digest=digest, at=AT)
    assert account_of(search).funded == Decimal(90)


def test_neither_who_asked_nor_the_budgets_author_decides(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, author: Actor
) -> None:
    approve(search, "100")
    author.user.is_superuser = True
    mine = asks(search, "50", actor=finance)
    for request, actor in ((mine, finance), (mine, author)):
        with pytest.raises(FourEyes):
            decide(request, actor)
    assert account_of(search).funded == Decimal(100)


def test_a_period_that_is_over_and_a_budget_that_is_gone_get_nothing(
    search: Scope, approve: Propose, asks: Asks, finance: Actor
) -> None:
    budget = approve(search, "100")
    request = asks(search, "50")
    with pytest.raises(WrongStatus, match="past its deadline"):
        decide(request, finance, at=datetime(2026, 12, 1, tzinfo=UTC))
    Budget.objects.filter(pk=budget.pk).update(status="ended", ends_on=AT.date())
    with pytest.raises(NotInForce, match="any more: reject the request"):
        decide(request, finance)
    assert reject_request(request_id=request.pk, actor=finance, reason="The budget ended.", at=AT).status == "rejected"


def test_what_is_decided_stays(search: Scope, approve: Propose, asks: Asks, finance: Actor) -> None:
    approve(search, "100")
    request = asks(search, "50")
    decide(request, finance)
    with pytest.raises(WrongStatus):
        decide(request, finance)
    with pytest.raises(WrongStatus):
        withdraw_request(request_id=request.pk, actor=finance, reason="no", at=AT)
    assert Account.objects.get(kind="budget", scope=search).funded == Decimal(150)
