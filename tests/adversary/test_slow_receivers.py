"""Receivers that drip, hang, fail or take long, and what another organisation's message has to do with it: nothing."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.messages.channels import Retry, Sent
from governance.messages.models import Channel, Circuit, Delivery
from governance.messages.operations import (
    claim_due_delivery,
    queue_delivery,
    rotate_secrets,
    save_channel,
    settle_delivery,
)
from governance.messages.operations.sending import send_delivery
from governance.messages.tasks import send_due_deliveries
from governance.organisations.operations import create_scope
from governance.people.models import User
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, message

pytestmark = pytest.mark.adversary("slow receivers")

SECRET = base64.b64encode(b"s" * 32).decode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOKEN = "T0KEN-c2VjcmV0"


@dataclass
class Receiver:
    """``at_once`` is the most connections it had at a time."""

    behaves: str
    url: str = ""
    heard: int = 0
    open: int = 0
    at_once: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        self.heard += 1
        self.open += 1
        self.at_once = max(self.at_once, self.open)
        with connection, suppress(OSError):
            connection.recv(65536)
            if self.behaves == "drips":
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not self.stopped.wait(0.1):
                    connection.sendall(b"x")
            else:
                self.stopped.wait({"hangs": 60, "takes 8 s": 8, "answers": 0}[self.behaves])
                connection.sendall(OK)
        self.open -= 1


@contextmanager
def receiving(behaves: str) -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        receiver = Receiver(behaves, f"http://127.0.0.1:{server.getsockname()[1]}/services/{TOKEN}")

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=receiver.serve, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield receiver
        receiver.stopped.set()


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def channel_to(scope: Scope, receiver: Receiver, name: str, kind: str = "webhook", address: str = "") -> Channel:
    """To an address of its own at the receiver, unless another is given."""
    url = address or f"{receiver.url}/{scope.slug}/{name}"
    return save_channel(
        scope=scope, kind=kind, name=name, url=url, secret=SECRET if kind == "webhook" else None, actor=SYSTEM, at=AT
    )


def queue(channel: Channel, *keys: str) -> None:
    for key in keys:
        queue_delivery(channel=channel, dedup_key=key, message=message(), at=AT)


@pytest.mark.parametrize("kind", ["webhook", "slack"])
@pytest.mark.parametrize("behaves", ["drips", "hangs"])
def test_a_whole_message_has_a_deadline_and_its_sender_ends(search: Scope, behaves: str, kind: str) -> None:
    with receiving(behaves) as receiver:
        queue(channel_to(search, receiver, "slow", kind), "a")
        lease = claim_due_delivery(at=AT)
        assert lease is not None
        began = time.monotonic()
        outcome = send_delivery(lease, at=AT, deadline_s=1.0)
        took_s = time.monotonic() - began
        assert isinstance(outcome, Retry)
        assert (outcome.ambiguous, outcome.channel_wide, took_s < 2) == (True, True, True)
        name = f"delivery {lease.delivery.pk}"
        if behaves == "drips":
            deadline = time.monotonic() + 2
            while any(thread.name == name for thread in threading.enumerate()):
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_a_channel_is_sent_to_one_message_at_a_time(search: Scope) -> None:
    with receiving("answers") as receiver:
        channel = channel_to(search, receiver, "one")
        queue(channel, "a", "b")
        lease = claim_due_delivery(at=AT)
        assert lease is not None
        assert claim_due_delivery(at=AT) is None
        assert settle_delivery(lease=lease, outcome=Sent(), at=AT)
        assert claim_due_delivery(at=AT) is not None


@pytest.fixture
def to_one_address(db: None) -> Iterator[tuple[Channel, ...]]:
    """A message for each of three channels: of two organisations to one address, and to another."""
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    globex = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    with receiving("answers") as receiver:
        channels = (
            channel_to(acme, receiver, "ours", "slack", address=receiver.url),
            channel_to(globex, receiver, "theirs", address=receiver.url),
            channel_to(globex, receiver, "other", address=f"{receiver.url}2"),
        )
        for number, channel in enumerate(channels):
            queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT + timedelta(seconds=number))
        yield channels


@pytest.mark.parametrize("is_marked", [True, False], ids=["", "made before addresses had marks"])
def test_an_address_is_sent_to_one_message_at_a_time_through_whatever_channels(
    to_one_address: tuple[Channel, ...], is_marked: bool
) -> None:
    ours, theirs, other = to_one_address
    if not is_marked:
        Channel.objects.update(endpoint="")
    at = AT + timedelta(seconds=5)
    first, second = claim_due_delivery(at=at), claim_due_delivery(at=at)
    assert first is not None
    assert second is not None
    assert (first.delivery.channel, second.delivery.channel) == (ours, other)
    assert claim_due_delivery(at=at) is None
    assert settle_delivery(lease=first, outcome=Sent(), at=at)
    third = claim_due_delivery(at=at)
    assert third is not None
    assert third.delivery.channel == theirs


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_claim_at_once_do_not_both_find_an_address_free(
    to_one_address: tuple[Channel, ...],
) -> None:
    ours, _theirs, other = to_one_address
    at = AT + timedelta(seconds=5)
    others: list[Any] = []

    def claim() -> None:
        others.extend(lease.delivery.channel for _ in range(2) if (lease := claim_due_delivery(at=at)))
        connection.close()

    with transaction.atomic():
        lease = claim_due_delivery(at=at)
        assert lease is not None
        assert lease.delivery.channel == ours
        process = threading.Thread(target=claim)
        process.start()
        process.join()
    assert others == [other]


def test_the_mark_of_an_address_tells_nobody_the_address(search: Scope, settings: Any) -> None:
    with receiving("answers") as receiver:
        channel = channel_to(search, receiver, "one", address=receiver.url)
        mark = channel.endpoint
        assert re.fullmatch("[0-9a-f]{64}", mark)
        assert mark != hashlib.sha256(receiver.url.encode()).hexdigest()
        settings.WEIR_SECRET_KEYS = [base64.b64encode(b"k" * 32).decode(), *settings.WEIR_SECRET_KEYS]
        rotate_secrets(actor=SYSTEM, at=AT)
        channel.refresh_from_db()
        assert channel.endpoint not in {mark, ""}
        assert channel.endpoint == channel_to(search, receiver, "two", address=receiver.url).endpoint


def test_an_organisation_has_few_of_the_senders(db: None) -> None:
    channels = []
    with receiving("answers") as receiver:
        for slug in ("acme", "globex"):
            scope = create_scope(slug=slug, kind="organisation", actor=SYSTEM, at=AT)
            channels += [channel_to(scope, receiver, f"hook-{number}") for number in range(5)]
    for channel in channels:
        queue(channel, "a")
    leased = [lease.delivery.channel.scope.slug for _ in range(10) if (lease := claim_due_delivery(at=AT))]
    assert sorted(leased) == ["acme", "acme", "globex", "globex"]


def test_channels_that_fail_or_are_slow_share_few_of_the_senders(db: None) -> None:
    with receiving("answers") as receiver:
        for number in range(6):
            scope = create_scope(slug=f"org-{number}", kind="organisation", actor=SYSTEM, at=AT)
            channel = channel_to(scope, receiver, "hook")
            queue(channel, "a")
            doubt = {"failures_in_a_row": 1} if number % 2 else {"last_send_s": 8.0}
            Channel.objects.filter(pk=channel.pk).update(**(doubt if number < 5 else {}))
    leased = [lease.delivery.channel.scope.slug for _ in range(6) if (lease := claim_due_delivery(at=AT))]
    assert (len(leased), "org-5" in leased) == (3, True)


def test_a_receiver_that_fails_rests_longer_and_longer_and_one_message_tells_when_it_is_back(search: Scope) -> None:
    with receiving("answers") as receiver:
        channel = channel_to(search, receiver, "hook")
    at, rests, states = AT, [], []
    for number in range(12):
        queue(channel, f"alert-{number}")
    for _ in range(10):
        lease = claim_due_delivery(at=at)
        assert lease is not None
        assert claim_due_delivery(at=at) is None
        settle_delivery(lease=lease, outcome=Retry("HTTP 500"), at=at)
        channel.refresh_from_db()
        states.append(channel.circuit_at(at))
        blocked = channel.blocked_until
        rests.append(0.0 if blocked is None else (blocked - at).total_seconds())
        at = (blocked or at) + timedelta(seconds=1)
    assert states == [Circuit.CLOSED] * 4 + [Circuit.OPEN] * 6
    assert rests[4] >= 16
    assert rests[9] == 300
    assert channel.circuit_at(at) == Circuit.HALF_OPEN
    lease = claim_due_delivery(at=at)
    assert lease is not None
    settle_delivery(lease=lease, outcome=Sent(), at=at)
    channel.refresh_from_db()
    assert (channel.circuit_at(at), channel.failures_in_a_row, channel.last_failure) == (Circuit.CLOSED, 0, "")


@pytest.mark.parametrize(
    ("blocked_until", "failures", "words"),
    [
        (None, 0, "messages are sent"),
        (AT + timedelta(minutes=5), 7, "circuit open after 7 failures in a row: nothing is sent until 2026-11-24 12:0"),
        (AT, 7, "circuit half open after 7 failures in a row: the next message tells whether the receiver is back"),
    ],
)  # fmt: skip
def test_the_state_of_its_circuit_breaker_is_on_the_channels_page(
    search: Scope, client: Client, blocked_until: datetime | None, failures: int, words: str
) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    with receiving("answers") as receiver:
        channel = channel_to(search, receiver, "hook")
    failure = "HTTP 500" if failures else ""
    Channel.objects.filter(pk=channel.pk).update(
        blocked_until=blocked_until, failures_in_a_row=failures, last_failure=failure
    )
    with time_machine.travel(AT, tick=False):
        pages = [
            client.get(reverse(f"admin:governance_channel_{view}", args=args)).content.decode()
            for view, args in (("changelist", ()), ("change", (channel.pk,)))
        ]
    assert [words in page for page in pages] == [True, True]
    assert (failure in pages[1], TOKEN in "".join(pages)) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_anothers_message_arrives_within_two_seconds_beside_receivers_that_drip_hang_and_take_eight_seconds() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    globex = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    with (
        receiving("drips") as drips, receiving("hangs") as hangs, receiving("takes 8 s") as slow,
        receiving("answers") as theirs,
    ):  # fmt: skip
        bad = (drips, hangs, slow)
        for receiver in bad:
            queue(channel_to(acme, receiver, receiver.behaves.replace(" ", "-")), *(f"a{n}" for n in range(20)))
        good = channel_to(globex, theirs, "hook")
        workers = [threading.Thread(target=_work, args=(6.0,), daemon=True) for _ in range(8)]
        for worker in workers:
            worker.start()
        time.sleep(1.0)
        queue_delivery(channel=good, dedup_key="alert", message=message(), at=timezone.now())
        began = time.monotonic()
        while not theirs.heard:
            assert time.monotonic() - began < 2
            time.sleep(0.02)
        assert [receiver.at_once <= 1 for receiver in bad] == [True, True, True]
        drips.stopped.set()
        hangs.stopped.set()
        slow.stopped.set()
        for worker in workers:
            worker.join(25)
    assert Delivery.objects.get(channel=good).status == "sent"


def _work(for_s: float) -> None:
    """As a thread of the program `deliver`, rung every fifth of a second."""
    from django.db import connection

    until = time.monotonic() + for_s
    try:
        while time.monotonic() < until:
            send_due_deliveries()
            time.sleep(0.2)
    finally:
        connection.close()
