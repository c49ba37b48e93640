"""A webhook's address holds its token: no error, log line or page shows it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from governance.messages.channels import slack, webhook
from governance.messages.models import Channel, Delivery
from governance.messages.operations import (
    ChannelSecrets,
    channel_secrets,
    claim_due_delivery,
    queue_delivery,
    save_channel,
    settle_delivery,
)
from governance.messages.operations.sending import send_delivery
from governance.people.models import User
from governance.scopes.models import Scope
from tests.adversary.test_slow_receivers import SECRET, TOKEN, receiving
from tests.governance.conftest import AT, SYSTEM, free_port, message

pytestmark = pytest.mark.adversary("what is not yours")


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def refused(port: int) -> str:
    return f"http://127.0.0.1:{port}/services/{TOKEN}"


def sent(scope: Scope, kind: str, url: str, deadline_s: float = 1.0) -> Delivery:
    secret = SECRET if kind == "webhook" else None
    channel = save_channel(scope=scope, kind=kind, name="hook", url=url, secret=secret, actor=SYSTEM, at=AT)
    queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT)
    lease = claim_due_delivery(at=AT)
    assert lease is not None
    settle_delivery(lease=lease, outcome=send_delivery(lease, at=AT, deadline_s=deadline_s), at=AT)
    return Delivery.objects.get()


@pytest.mark.parametrize("kind", ["webhook", "slack"])
@pytest.mark.parametrize("behaves", ["refuses", "hangs", "drips", "no host", "not HTTP"])
def test_what_goes_wrong_on_the_way_is_said_without_the_address(
    search: Scope, kind: str, behaves: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    admin_client: Client,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    with receiving("drips" if behaves == "drips" else "hangs") as receiver:
        url = {"refuses": refused(free_port()), "no host": f"http://localhost:1/{TOKEN}"}.get(behaves, receiver.url)
        if behaves == "not HTTP":
            receiver.stopped.set()
            monkeypatch.setattr("tests.adversary.test_slow_receivers.OK", b"\xff not HTTP\r\n\r\n")
        delivery = sent(search, kind, url)
    assert delivery.status in {"pending", "sent", "dead"}
    assert delivery.last_error
    channel = Channel.objects.get(kind=kind)
    pages = [
        admin_client.get(f"/admin/governance/{page}").content.decode()
        for page in ("delivery/", "channel/", f"channel/{channel.pk}/change/", f"delivery/{delivery.pk}/change/")
    ]
    for text in (delivery.last_error, channel.last_failure, caplog.text, *pages):
        assert TOKEN not in text


def test_an_error_that_nobody_foresaw_is_logged_without_its_text(
    search: Scope, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"cannot send to {refused(1)}")

    monkeypatch.setattr(slack, "send", fail)
    delivery = sent(search, "slack", refused(1))
    assert delivery.last_error == "ValueError"
    assert TOKEN not in caplog.text
    assert "fail:" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.slack.com/{TOKEN}",
        f"https://user@example.com/{TOKEN}",
        f"https://[::1/{TOKEN}",
        f"ftp://x/{TOKEN}",
    ],
)
def test_an_address_that_is_not_allowed_is_refused_without_showing_it(url: str) -> None:
    problems = [
        slack.problem_with_url(url, allow_loopback=False), webhook.problem_with_url(url, allow_loopback=False),
    ]  # fmt: skip
    assert TOKEN not in str(problems)


def test_secrets_do_not_show_when_they_are_printed(search: Scope) -> None:
    channel = save_channel(scope=search, kind="slack", name="hook", url=refused(1), actor=SYSTEM, at=AT)
    assert channel_secrets(channel) == ChannelSecrets(refused(1))
    shown = f"{channel_secrets(channel)!r} {channel!r} {channel.__dict__!r}"
    assert TOKEN not in shown


def test_the_page_of_a_channel_says_whether_it_is_sent_to(search: Scope, admin_client: Client) -> None:
    sent(search, "slack", refused(free_port()))
    channel = Channel.objects.get(kind="slack")
    Channel.objects.filter(pk=channel.pk).update(blocked_until="2100-01-01T00:00:00Z")
    page = admin_client.get(f"/admin/governance/channel/{channel.pk}/change/").content.decode()
    assert "open after 1 failures in a row: nothing is sent until 2100-01-01 00:00:00 UTC" in page
    assert "ConnectionRefusedError" in page
    assert User.objects.filter(is_superuser=True).exists()
