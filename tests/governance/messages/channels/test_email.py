from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from governance.messages.channels import Envelope, Refused, Retry, Sent, email
from tests.governance.conftest import AT, Mailbox, message
from tests.governance.messages.sent_messages import ENVELOPE


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def to_email(envelope: Envelope = ENVELOPE, to: tuple[str, ...] = ("fay@example.com",)) -> Any:
    return email.send(envelope, to=to, sender="Weir <weir@example.com>")


def test_an_email_carries_the_deliverys_id(mailbox: Mailbox) -> None:
    assert to_email() == Sent()
    (letter,) = mailbox.letters
    read = message_from_bytes(letter.content or b"", policy=default)
    assert letter.rcpt_tos == ["fay@example.com"]
    assert read["Message-ID"] == "<0199-delivery@example.com>"
    assert read["Subject"] == "Search is at 80 % of its budget"
    assert "Used: 80 %" in read.get_content()


def test_a_title_cannot_add_headers(mailbox: Mailbox) -> None:
    assert to_email(Envelope("id", message(title="a\r\nBcc: eve@example.com"), AT)) == Sent()
    assert mailbox.letters[0].rcpt_tos == ["fay@example.com"]


@pytest.mark.parametrize(
    ("rcpt", "data", "kind"),
    [
        ("550 no such user", "250 OK", Refused),
        ("450 greylisted", "250 OK", Retry),
        ("250 OK", "554 spam", Refused),
        ("250 OK", "451 try later", Retry),
    ],
)
def test_what_the_mail_server_answers_decides(mailbox: Mailbox, rcpt: str, data: str, kind: type) -> None:
    mailbox.rcpt, mailbox.data = rcpt, data
    outcome = to_email()
    assert isinstance(outcome, kind)
    assert mailbox.letters == []


def test_no_mail_server_is_no_ambiguous_end(mailbox: Mailbox, settings: Any, closed_port: int) -> None:
    settings.EMAIL_PORT = closed_port
    outcome = to_email()
    assert (type(outcome), outcome.ambiguous, outcome.channel_wide) == (Retry, False, True)


def test_a_server_that_hangs_up_on_quit_has_taken_the_message(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(_self: object) -> None:
        raise TimeoutError("QUIT")

    monkeypatch.setattr("smtplib.SMTP.quit", hang_up)
    assert to_email() == Sent()
    assert len(mailbox.letters) == 1
