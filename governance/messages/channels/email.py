"""Email through Django's SMTP settings. The Message-ID is made of the delivery's id, so that a repeat can be
recognised.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parseaddr

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from governance.messages.channels.message import Envelope, Outcome, Refused, Retry, Sent

SUBJECT_MAX = 200
PERMANENT = 500


def send(envelope: Envelope, *, to: Sequence[str], sender: str) -> Outcome:
    """Sends one email. Retry when the server was not reached or answered for now only; Refused for good."""
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as problem:
        # Nothing was sent: the server is not reachable, or refused our credentials.
        return Retry(_reason(problem), channel_wide=True)
    try:
        build(envelope, to=to, sender=sender, connection=connection).send()
    except smtplib.SMTPRecipientsRefused as problem:
        codes = [code for code, _ in problem.recipients.values()]
        return Refused(_reason(problem)) if all(code >= PERMANENT for code in codes) else Retry(_reason(problem))
    except smtplib.SMTPResponseException as problem:
        return Refused(_reason(problem)) if problem.smtp_code >= PERMANENT else Retry(_reason(problem))
    except (OSError, smtplib.SMTPException) as problem:
        return Retry(_reason(problem), channel_wide=True, ambiguous=True)
    except ValueError as problem:
        return Refused(_reason(problem))
    finally:
        # A server that closes the connection on QUIT has accepted the message.
        with suppress(OSError, smtplib.SMTPException):
            connection.close()
    return Sent()


def build(
    envelope: Envelope, *, to: Sequence[str], sender: str, connection: BaseEmailBackend | None = None
) -> EmailMessage:
    """The email as Django sends it; a possible repeat is marked by a header."""
    message = envelope.message
    domain = parseaddr(sender)[1].partition("@")[2] or "weir.invalid"
    headers = {
        "Message-ID": f"<{envelope.delivery_id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Weir-Delivery": envelope.delivery_id,
        "X-Weir-Event": message.event_id,
    }
    if envelope.possible_repeat:
        headers["X-Weir-Possible-Repeat"] = "true"
    return EmailMessage(
        subject=" ".join(message.title.split())[:SUBJECT_MAX],
        body=text(envelope),
        from_email=sender,
        to=list(to),
        headers=headers,
        connection=connection,
    )


def text(envelope: Envelope) -> str:
    """The body, in plain text."""
    message = envelope.message
    paragraphs = [message.text]
    if message.fields:
        paragraphs.append("\n".join(f"{name}: {value}" for name, value in message.fields))
    if message.link:
        paragraphs.append(message.link)
    if envelope.possible_repeat:
        paragraphs.append("An earlier attempt to send this may have reached you already.")
    paragraphs.append(f"-- \nWeir · {envelope.delivery_id}")
    return "\n\n".join(paragraphs)


def _reason(problem: BaseException) -> str:
    """Error class and message."""
    return f"{type(problem).__name__}: {problem}"
