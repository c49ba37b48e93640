import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connections

from governance.messages.channels import Message
from governance.organisations.operations import create_scope
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.scopes.models import Scope

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SYSTEM = Actor.system()


@pytest.fixture
def globex(db: None) -> Scope:
    return create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)


Person = Callable[..., User]


@pytest.fixture
def person(db: None) -> Person:
    def made(email: str, scope: Scope, persona: str = "engineering", right: str = "", **fields: Any) -> User:
        user = User.objects.create_user(email, "a long password", is_staff=True, **fields)
        Ownership.objects.create(scope=scope, user=user, persona=persona, decision_right=right)
        return user

    return made


def message(**changes: Any) -> Message:
    fields = {
        "title": "Search is at 80 % of its budget",
        "text": "acme/search has used $80.00 of $100.00 <this month> & counting.",
        "event_id": "alert-1-warning",
        "event_type": "alert.opened",
        "severity": "warning",
        "fields": (("Scope", "acme/search"), ("Used", "80 %")),
        "link": "https://weir.example.com/alerts/1",
        "data": {"scope": "acme/search"},
    }
    return Message(**{**fields, **changes})


class Mailbox:
    """A real SMTP server's end: what it was given, and how it is told to answer RCPT and DATA."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []
        self.rcpt = "250 OK"
        self.data = "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name.
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data.startswith("250"):
            self.letters.append(envelope)
        return self.data


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.DEFAULT_FROM_EMAIL = "Weir <weir@example.com>"
    yield box
    controller.stop()


def at_once(work: Callable[[int], Any], threads: int) -> list[Any]:
    """`work(0)`, `work(1)`, … each on a thread with a connection of its own."""

    def alone(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(alone, range(threads)))
