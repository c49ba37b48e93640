from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from budgets.ledger.models import Account
from budgets.requests.models import QuotaRequest
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import Propose, browser, person, use
from tests.budgets.requests.conftest import Asks, asks, developer, shown

__all__ = ["asks", "developer"]
NOW = timezone.now()
LIST = reverse("admin:budgets_quotarequest_changelist")


@pytest.fixture
def request_(acme: Scope, search: Scope, approve: Propose, asks: Asks) -> QuotaRequest:
    approve(acme, "1000", at=NOW)
    approve(search, "100", at=NOW)
    use(search, "96.2", on=NOW.date(), at=NOW)
    return asks(search, "50", at=NOW)


def page(request: QuotaRequest) -> str:
    return reverse("admin:budgets_quotarequest_decide", args=[request.pk])


def text(client: Client, url: str, **posted: str) -> str:
    answer = client.post(url, posted, follow=True) if posted else client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_finance_decides_in_place_with_the_facts_beside_it(request_: QuotaRequest, finance: Actor) -> None:
    client = browser(finance)

    inbox = text(client, f"{LIST}?state=waiting")
    assert "50.00 USD" in inbox
    assert "The launch doubles the calls." in inbox
    seen = text(client, page(request_))
    for fact in (
        "100.00 USD",
        "96.20 USD, with budgets below",
        "3.80 USD",
        "150.00 USD",
        "50.0 % more; 53.80 USD left then",
        "900.00 USD",
        'value="50"',
    ):
        assert fact in seen, fact
    assert "the team&#x27;s first request" in seen
    digest = shown(QuotaRequest.objects.get())
    assert f'name="digest" value="{digest}"' in seen

    again = text(
        client, page(request_), decision="approve", amount="30", models="gpt-4o, o3", reason="ok", digest="0" * 64
    )
    assert "has changed since you looked" in again
    done = text(
        client, page(request_), decision="approve", amount="30", models="gpt-4o, o3", reason="ok", digest=digest
    )
    assert "50.00 USD more for acme/search: approved, and the money has moved." in done
    request_.refresh_from_db()
    assert (request_.granted, request_.for_models) == (Decimal(30), ["gpt-4o", "o3"])
    assert Account.objects.get(kind="budget", scope=request_.scope).funded == Decimal(130)
    assert "30.00 USD, for gpt-4o, o3" in text(client, reverse("admin:budgets_quotarequest_change", args=[request_.pk]))


@pytest.mark.parametrize(("decision", "status"), [("ask", "questioned"), ("reject", "rejected")])
def test_a_question_and_a_rejection_are_made_on_the_same_page(
    request_: QuotaRequest, finance: Actor, decision: str, status: str
) -> None:
    text(browser(finance), page(request_), decision=decision, reason="Why not cached?", digest="x", models="")
    request_.refresh_from_db()
    assert request_.status == status


def test_who_asked_reads_it_and_decides_nothing(
    request_: QuotaRequest, developer: Actor, acme: Scope, asks: Asks
) -> None:
    boss = person("bo@example.com", acme, "finance", "approve_budget")
    own = asks(request_.scope, "7", actor=boss, at=NOW)
    seen = text(browser(boss), page(own))
    assert "someone else has to decide on it" in seen
    assert 'name="reason"' not in seen
    assert browser(developer).get(page(request_)).status_code == 403
    assert "50.00 USD more" in text(
        browser(developer), reverse("admin:budgets_quotarequest_change", args=[request_.pk])
    )


def test_waiting_ones_stand_first_the_earliest_deadline_on_top(
    request_: QuotaRequest, finance: Actor, asks: Asks
) -> None:
    client = browser(finance)
    soon = asks(request_.scope, "8", at=NOW, decide_by=NOW + timedelta(hours=1))
    text(client, page(request_), decision="reject", reason="no", digest="x", models="")
    later = asks(request_.scope, "9", at=NOW)
    inbox = text(client, LIST)
    places = [inbox.index(f">{amount} USD<") for amount in ("8.00", "9.00", "50.00")]
    assert places == sorted(places)
    assert text(client, f"{LIST}?state=over").count("50.00 USD") == 1
    assert soon.decide_by < later.decide_by


def test_those_whom_a_rule_names_agree_in_place_and_the_page_says_who_is_next(
    request_: QuotaRequest, acme: Scope, finance: Actor
) -> None:
    lead = person("lea@example.com", request_.scope, "engineering", "constrain_demand")
    assert browser(lead).get(page(request_)).status_code == 403
    apply({
        "name": "two", "steps": [{"persona": "engineering", "right": "constrain_demand"}, {"right": "approve_budget"}],
    })  # fmt: skip
    assert "step 1 of 2: lea@example.com" in text(browser(lead), LIST)
    seen = text(browser(lead), page(request_))
    assert "Step 1: engineering with the right to constrain demand · next: lea@example.com" in seen
    digest = shown(QuotaRequest.objects.get())
    early = text(browser(finance), page(request_), decision="approve", amount="50", reason="ok", digest=digest)
    assert "lea@example.com may agree next" in early

    done = text(browser(lead), page(request_), decision="approve", amount="40", reason="We need it.", digest=digest)

    assert "you have agreed; nothing has moved yet, those who are next were told" in done
    assert Account.objects.get(kind="budget", scope=request_.scope).funded == Decimal(100)
    seen = text(browser(finance), page(request_))
    step = "Step 2: the right to approve budgets · next: fay@example.com"
    for told in ("agreed: lea@example.com", step, "We need it."):
        assert told in seen, told
    assert 'value="40"' in seen, "as much as was agreed so far"
