"""Somebody asks, and it is decided in Slack, under every rule that holds on the page."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from budgets.requests.models import QuotaRequest
from budgets.requests.operations import answer_request
from budgets.slack.models import SlackPress
from budgets.slack.operations import answer_presses
from governance.errors import Forbidden, Invalid
from governance.messages.models import Channel
from governance.messages.operations import channel_secrets, save_channel
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, browser, person
from tests.budgets.requests.conftest import Asks
from tests.budgets.requests.operations.test_agreeing import LEAD_THEN_FINANCE
from tests.budgets.slack.conftest import SECRET, Links, Slack, answered, deliver, send

NO_BUTTONS = {"header", "section", "context"}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def wish(acme: Scope, search: Scope, channel: Channel, approve: Propose, asks: Asks) -> QuotaRequest:
    approve(acme, "1000")
    approve(search, "100")
    return asks(search, "50")


def stored(wish: QuotaRequest) -> QuotaRequest:
    return QuotaRequest.objects.get(pk=wish.pk)


def test_asked_answered_and_a_part_approved_without_leaving_slack(
    wish: QuotaRequest, slack: Slack, finance: Actor, developer: Actor, links: Links, search: Scope
) -> None:
    links(finance, "U1")
    deliver()
    (first,) = slack.read()
    assert first["blocks"][0]["text"]["text"] == "50.00 USD more asked for acme/search"
    assert "The launch doubles the calls." in first["blocks"][1]["text"]["text"]

    assert send(slack.press(first, "ask")) == 200
    assert "line above the buttons" in answered(slack)["text"]
    assert send(slack.press(first, "ask", words="Which model?"), at=AT + timedelta(seconds=1)) == 200
    told = answered(slack)
    assert (told["replace_original"], told["text"]) == (
        True, "fay@example.com asks about 50.00 USD more for acme/search:\nWhich model?",
    )  # fmt: skip
    assert {block["type"] for block in told["blocks"]} <= NO_BUTTONS

    answer_request(request_id=wish.pk, actor=developer, text="The small one.", at=AT)
    deliver()
    _, second = slack.read()
    assert send(slack.press(first, "approve"), at=AT + timedelta(seconds=2)) == 200
    assert "has changed since you looked" in answered(slack)["text"]
    assert send(slack.press(second, "approve", amount="20"), at=AT + timedelta(seconds=3)) == 200
    assert answered(slack)["text"] == (
        "fay@example.com approved 20.00 USD of 50.00 USD more for acme/search. The money is there."
    )
    done = stored(wish)
    assert (done.status, done.granted, done.decision_reason, account_of(search).funded) == (
        "approved", Decimal(20), "Approved in Slack.", Decimal(120),
    )  # fmt: skip
    press = DecisionRecord.objects.order_by("-seq").first()
    assert press is not None
    assert (press.action, press.actor, press.evidence["member"]) == ("quota_request.press", "fay@example.com", "U1")


def test_by_the_organisations_rules_a_second_one_approves_a_part_in_slack_too(
    acme: Scope,
    search: Scope,
    channel: Channel,
    slack: Slack,
    approve: Propose,
    asks: Asks,
    finance: Actor,
    links: Links,
) -> None:
    approve(acme, "9000")
    approve(search, "100")
    apply(LEAD_THEN_FINANCE)
    links(person("lea@example.com", search, "engineering", "constrain_demand"), "U4")
    links(finance, "U1")
    wish = asks(search, "5000")
    deliver()
    (first,) = slack.read()
    assert send(slack.press(first, "approve")) == 200
    assert "lea@example.com may agree next" in answered(slack)["text"]
    assert send(slack.press(first, "approve", by="U4", amount="4,000"), at=AT + timedelta(seconds=1)) == 200
    assert answered(slack)["text"] == (
        "lea@example.com agrees to 4,000.00 USD of 5,000.00 USD more for acme/search. It waits for others still."
    )
    assert account_of(search).funded == Decimal(100)
    deliver()
    assert send(slack.press(slack.read()[1], "approve", amount="3000"), at=AT + timedelta(seconds=2)) == 200
    assert "fay@example.com approved 3,000.00 USD of 5,000.00 USD more" in answered(slack)["text"]
    assert (stored(wish).granted, account_of(search).funded) == (Decimal(3000), Decimal(3100))


def test_one_press_is_one_decision_however_often_its_request_comes(
    wish: QuotaRequest, slack: Slack, finance: Actor, links: Links, search: Scope
) -> None:
    links(finance, "U1")
    deliver()
    body = slack.press(slack.read()[0], "ask", words="Which model?")
    assert [send(body), send(body)] == [200, 200]
    assert answered(slack)["replace_original"]
    assert send(body) == 200
    assert answer_presses(at=AT) == 0
    assert [entry.kind for entry in stored(wish).thread.order_by("pk")] == ["submitted", "question"]

    # Another press of the same button is another one, and finds the request as it is by then.
    approve = slack.press(slack.read()[0], "reject", words="Not this month.")
    assert send(approve, at=AT + timedelta(seconds=1)) == 200
    assert "rejected" in answered(slack)["text"]
    assert send(approve, at=AT + timedelta(seconds=2)) == 200
    assert answered(slack)["text"].startswith("Cannot reject the request: it is rejected")
    assert account_of(search).funded == Decimal(100)


def test_what_slack_has_not_signed_just_now_for_the_channel_is_nobodys(wish: QuotaRequest, slack: Slack) -> None:
    deliver()
    body = slack.press(slack.read()[0], "approve")
    channel = Channel.objects.get(kind="slack")
    assert send(body, secret="f" * 32) == 401
    assert send(body, at=AT - timedelta(minutes=6)) == 401
    assert send(body, at=AT + timedelta(minutes=6)) == 401
    assert send(body, signature="v0=" + "0" * 64) == 401
    assert send(body.replace(str(channel.pk), "00000000-0000-0000-0000-000000000000")) == 401
    assert send("payload=%7B%7D") == 401
    assert send("payload=" + "[" * 9000) == 401
    assert send("x" * 70_000) == 413
    Channel.objects.update(is_enabled=False)
    assert send(body) == 401
    assert not SlackPress.objects.exists()


def test_who_is_not_linked_links_themselves_in_a_session_of_theirs(
    wish: QuotaRequest, slack: Slack, finance: Actor, search: Scope
) -> None:
    deliver()
    body = slack.press(slack.read()[0], "approve", by="U7")
    assert send(body) == 200
    told = answered(slack)
    assert (told["response_type"], told["replace_original"]) == ("ephemeral", False)
    found = re.search(r"<http://localhost:8000(\S+)\|Link my Slack account>", told["text"])
    assert found
    client = browser(finance)
    page = client.get(found[1])
    assert "U7 of Slack" in page.content.decode()
    assert client.post(found[1], follow=True).redirect_chain[-1][0] == "/account/slack/"
    deliver()
    # Nobody takes it from them, and the link is not good for long.
    assert "linked to somebody else" in browser(
        person("eve@example.com", search, "finance", "")
    ).post(found[1], follow=True).content.decode()  # fmt: skip
    with time_machine.travel(AT + timedelta(minutes=11), tick=False):
        assert "not good any more" in client.get(found[1], follow=True).content.decode()

    assert send(body, at=AT + timedelta(seconds=1)) == 200
    assert "approved 50.00 USD more" in answered(slack)["text"]
    assert stored(wish).decided_by == User.objects.get(email="fay@example.com")


def test_the_rules_of_the_page_hold(
    wish: QuotaRequest, slack: Slack, finance: Actor, developer: Actor, links: Links, acme: Scope, settings: Any
) -> None:
    links(developer, "U2")
    links(person("pam@example.com", acme, "platform", ""), "U3")
    links(finance, "U1")
    deliver()
    (message,) = slack.read()

    def told(by: str, seconds: int, **typed: str) -> str:
        assert send(slack.press(message, "approve", by=by, **typed), at=AT + timedelta(seconds=seconds)) == 200
        return str(answered(slack)["text"])

    assert "does not hold the right to approve budgets" in told("U2", 1)
    assert "does not hold the right to approve budgets" in told("U3", 2)
    assert "is no amount" in told("U1", 3, amount="half")
    assert "No more is given than was asked for" in told("U1", 4, amount="51")
    settings.SECOND_FACTOR = ["finance"]
    assert "needs a second factor" in told("U1", 5)
    settings.SECOND_FACTOR = []
    User.objects.filter(email="fay@example.com").update(is_active=False)
    assert "does not know yet who you are" in told("U1", 6)
    assert stored(wish).status == "submitted"


def test_a_channel_speaks_for_its_own_scope_only(
    wish: QuotaRequest, slack: Slack, finance: Actor, links: Links, ranker: Scope
) -> None:
    links(finance, "U1")
    deliver()
    body = slack.press(slack.read()[0], "approve")
    Channel.objects.update(scope=ranker)
    assert send(body) == 200
    assert f"There is no quota request {wish.pk}." in answered(slack)["text"]


def test_an_answer_that_slack_does_not_take_is_sent_again_and_decided_once(
    wish: QuotaRequest, slack: Slack, finance: Actor, links: Links
) -> None:
    links(finance, "U1")
    deliver()
    assert send(slack.press(slack.read()[0], "approve")) == 200
    slack.server.clear()
    slack.server.expect_oneshot_request("/actions/T1/1/secret").respond_with_data("later", status=503)
    slack.server.expect_request("/actions/T1/1/secret").respond_with_data("ok")
    assert [answer_presses(at=AT + timedelta(seconds=after)) for after in (0, 1, 20, 40)] == [1, 0, 1, 0]
    press = SlackPress.objects.get()
    assert (press.status, bytes(press.sealed_reply_url), stored(wish).status) == ("answered", b"", "approved")
    assert len(slack.answers()) == 2
    assert answer_presses(at=AT + timedelta(days=2)) == 0
    assert not SlackPress.objects.exists()


def test_without_a_signing_secret_the_message_leads_to_the_page(
    acme: Scope, search: Scope, slack: Slack, channel: Channel, approve: Propose, asks: Asks
) -> None:
    save_channel(scope=acme, kind="slack", name="approvals", actor=SYSTEM, at=AT, secret="", channel=channel)
    approve(search, "100")
    wish = asks(search, "50")
    deliver()
    (message,) = slack.read()
    assert {block["type"] for block in message["blocks"]} == NO_BUTTONS
    assert f"/admin/budgets/quotarequest/{wish.pk}/change/|Open in Weir>" in str(message["blocks"])


def test_only_who_operates_the_installation_sets_the_secret_that_signs_for_others(
    acme: Scope, channel: Channel, finance: Actor, slack: Slack
) -> None:
    platform = person("pam@example.com", acme, "platform", "constrain_demand")
    again = {"scope": acme, "kind": "slack", "name": "approvals", "channel": channel, "at": AT}
    with pytest.raises(Forbidden, match="whole installation"):
        save_channel(actor=platform, secret="f" * 32, **again)
    with pytest.raises(Invalid, match="32 hexadecimal digits"):
        save_channel(actor=SYSTEM, secret="xoxb-1", **again)
    moved = save_channel(actor=platform, url=slack.server.url_for("/services/2"), **again)
    assert channel_secrets(moved).secret == SECRET
