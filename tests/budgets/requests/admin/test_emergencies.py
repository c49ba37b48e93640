from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from budgets.requests.models import QuotaRequest
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, browser, person
from tests.budgets.requests.conftest import Asks, asks, developer

__all__ = ["asks", "developer"]
LIST = reverse("admin:budgets_quotarequest_changelist")
EMERGENCY = reverse("admin:budgets_quotarequest_emergency")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def text(client: Client, url: str, **posted: str) -> str:
    answer = client.post(url, posted, follow=True) if posted else client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def oncall(search: Scope) -> Actor:
    return person("ona@example.com", search, "engineering", "grant_in_emergency")


def test_granted_on_one_page_first_in_the_inbox_and_reviewed_on_another(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, oncall: Actor, finance: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "200")
    waiting = asks(search, "50")
    client = browser(oncall)
    assert 'value="acme/search"' in text(client, EMERGENCY)
    sent = {"scope": "acme/search", "unit": "money", "reason": "The checkout is down."}
    assert "10.00 USD may be granted in an emergency now" in text(client, EMERGENCY, amount="11", **sent)
    assert "no such scope" in text(client, EMERGENCY, amount="10", **{**sent, "scope": "globex"})
    assert "10.00 USD more for acme/search are there" in text(client, EMERGENCY, amount="10", **sent)
    made = QuotaRequest.objects.get(status="emergency")
    assert browser(finance).get(EMERGENCY).status_code == 403

    inbox = browser(finance).get(f"{LIST}?state=waiting")
    assert [row.pk for row in inbox.context["cl"].result_list] == [made.pk, waiting.pk]
    review = reverse("admin:budgets_quotarequest_review", args=[made.pk])
    seen = text(browser(finance), review)
    assert "Granted in an emergency" in seen
    assert "someone else has to review it" not in seen
    told = text(browser(finance), review, review="dispute", reason="That was a test run.")
    assert "10.00 USD of it were left, and were taken back." in told
    assert account_of(search).funded == 200
    assert "Taken back" in text(
        browser(finance), reverse("admin:budgets_quotarequest_change", args=[made.pk])
    )  # fmt: skip
