"""Slack as far as Weir speaks with it: it takes messages and answers, and sends what is pressed, signed."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer
from slack_sdk.signature import SignatureVerifier

from budgets.slack.operations import answer_presses
from governance.messages.models import Channel
from governance.messages.operations import claim_due_delivery, save_channel, send_delivery, settle_delivery
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.sign_in.models import SlackAccount
from tests.budgets.conftest import AT, SYSTEM
from tests.budgets.requests.conftest import asks, developer

__all__ = ["asks", "developer"]
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Slack:
    """One workspace, T1, and one app in it."""

    server: HTTPServer

    def read(self) -> list[dict[str, Any]]:
        """The messages of the channel, the oldest first."""
        return [asked.get_json() for asked, _ in self.server.log if asked.path == "/services/1"]

    def answers(self) -> list[dict[str, Any]]:
        """To presses."""
        return [asked.get_json() for asked, _ in self.server.log if asked.path.startswith("/actions/")]

    def press(
        self, message: dict[str, Any], verb: str, *, by: str = "U1", words: str = "", amount: str = "",
        team: str = "T1",
    ) -> str:  # fmt: skip
        """The body that Slack sends for a button of the message."""
        (buttons,) = (block["elements"] for block in message["blocks"] if block["type"] == "actions")
        (button,) = (each for each in buttons if each["action_id"] == f"weir_{verb}")
        lines = {block["block_id"]: block["element"] for block in message["blocks"] if block["type"] == "input"}
        typed = dict(zip(lines, (words, amount), strict=True))
        payload = {
            "type": "block_actions", "api_app_id": "A1", "trigger_id": "1.2.abc",
            "user": {"id": by, "username": f"{by} of Slack", "team_id": team}, "team": {"id": team, "domain": "acme"},
            "message": message, "response_url": self.server.url_for("/actions/T1/1/secret"),
            "state": {"values": {
                block: {element["action_id"]: {"type": element["type"], "value": typed[block] or None}}
                for block, element in lines.items()
            }},
            "actions": [{
                "type": "button", "action_id": button["action_id"], "block_id": "b", "value": button["value"],
                "action_ts": "1",
            }],
        }  # fmt: skip
        return urlencode({"payload": json.dumps(payload)})


def send(body: str, *, at: datetime = AT, secret: str = SECRET, signature: str = "") -> int:
    """To Weir, signed as Slack signs; the status."""
    timestamp = str(int(at.timestamp()))
    signed = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    answer = Client(enforce_csrf_checks=True).post(
        "/slack/interactions", body, content_type="application/x-www-form-urlencoded",
        headers={"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature or str(signed)},
    )  # fmt: skip
    return answer.status_code


def deliver(at: datetime = AT) -> None:
    """What the program that sends messages does; email goes to the test's outbox."""
    while (lease := claim_due_delivery(at=at)) is not None:
        settle_delivery(lease=lease, outcome=send_delivery(lease, at=at), at=at, took_s=0)


@pytest.fixture
def slack(httpserver: HTTPServer, settings: Any) -> Slack:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True
    httpserver.expect_request(re.compile("/(services|actions)/.*"), method="POST").respond_with_data("ok")
    return Slack(httpserver)


@pytest.fixture
def channel(slack: Slack, acme: Scope) -> Channel:
    return save_channel(
        scope=acme, kind="slack", name="approvals", actor=SYSTEM, at=AT, secret=SECRET,
        url=slack.server.url_for("/services/1"),
    )  # fmt: skip


Links = Callable[[Actor, str], SlackAccount]


@pytest.fixture
def links() -> Links:
    def linked(actor: Actor, member: str) -> SlackAccount:
        user = User.objects.get(email=actor.label)
        return SlackAccount.objects.create(workspace="T1", member=member, user=user, linked_at=AT)

    return linked


def answered(slack: Slack, at: datetime = AT) -> dict[str, Any]:
    """What Slack is told of the one press that waits."""
    before = len(slack.answers())
    assert answer_presses(at=at) == 1
    (answer,) = slack.answers()[before:]
    return answer
