from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail, signing
from django.test import Client

from budgets.requests.models import DecisionLink, QuotaRequest
from budgets.requests.operations import answer_request, ask_about_request, withdraw_request
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, browser, person
from tests.budgets.requests.conftest import Asks
from tests.budgets.slack.conftest import deliver


@pytest.fixture
def wish(search: Scope, acme: Scope, approve: Propose, asks: Asks) -> QuotaRequest:
    person("zoe@example.com", acme, "finance", "approve_budget")
    approve(search, "100")
    return asks(search, "50")


def link_to(email: str) -> str:
    """In the newest message to the person."""
    told = Delivery.objects.filter(to=[email], message__event_type__startswith="quota_request.").latest("created_at")
    return str(told.message["link"])


def leads_to(actor: Actor | None, link: str, *, after: timedelta = timedelta()) -> str:
    with time_machine.travel(AT + after, tick=False):
        client = browser(actor) if actor is not None else Client()
        return urlsplit(client.get(link)["Location"]).path


def test_each_who_may_decide_has_a_link_that_opens_once_after_sign_in(wish: QuotaRequest, finance: Actor) -> None:
    assert link_to("fay@example.com") != link_to("zoe@example.com")
    link, decide = link_to("fay@example.com"), f"/admin/budgets/quotarequest/{wish.pk}/decide/"
    assert leads_to(None, link) == "/admin/login/"
    assert leads_to(finance, link) == decide
    assert leads_to(finance, link) == "/admin/"
    with time_machine.travel(AT, tick=False):
        assert "opens once, for the person it was sent to" in browser(finance).get(link, follow=True).content.decode()
    deliver()
    letter = next(letter for letter in mail.outbox if letter.to == ["fay@example.com"])
    assert f"http://localhost:8000{link}" in letter.body
    assert "for you alone" in letter.body


def test_it_is_nobody_elses_and_ends_with_the_request(
    wish: QuotaRequest, finance: Actor, developer: Actor, acme: Scope
) -> None:
    link = link_to("fay@example.com")
    eve = person("eve@example.com", acme, "finance", "approve_budget")
    assert leads_to(eve, link) == "/admin/"
    number = DecisionLink.objects.get(user__email="fay@example.com").pk
    assert leads_to(finance, f"/decide/{signing.dumps(number, salt='another')}") == "/admin/"
    assert leads_to(finance, "/decide/1") == "/admin/"
    assert leads_to(finance, link, after=timedelta(days=14)) == "/admin/"
    # An answer brings another one, and the first is still good for its one time.
    ask_about_request(request_id=wish.pk, actor=finance, text="Which model?", at=AT)
    answer_request(request_id=wish.pk, actor=developer, text="The small one.", at=AT + timedelta(seconds=1))
    assert link_to("fay@example.com") != link
    withdraw_request(request_id=wish.pk, actor=developer, reason="Not needed.", at=AT)
    assert leads_to(finance, link_to("fay@example.com")) == "/admin/"
    assert not DecisionLink.objects.exclude(opened_at=None).exists()
