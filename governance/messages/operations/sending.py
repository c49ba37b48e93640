"""Sending one leased delivery."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime

from django.conf import settings

from governance.messages.channels import Envelope, Message, Outcome, Refused, Retry, email, slack, webhook
from governance.messages.engine.sealing import SealBroken
from governance.messages.models import ChannelKind
from governance.messages.operations.channels import channel_secrets
from governance.messages.operations.claims import Lease
from governance.work.operations import DeadlineOver, within

logger = logging.getLogger(__name__)


# Of one whole message, however its receiver drips; shorter than the lease.
DEADLINE_S = 20.0


def send_delivery(lease: Lease, *, at: datetime, deadline_s: float = DEADLINE_S) -> Outcome:
    """The network call between claim and settle, outside any transaction, within the deadline. Never raises: every
    failure is an Outcome. No text of it shows a channel's secret, which libraries write into their errors.
    """
    try:
        return within(deadline_s, lambda: _outcome(lease, at=at), name=f"delivery {lease.delivery.pk}")
    except DeadlineOver as over:
        return Retry(str(over), channel_wide=True, ambiguous=True)


def _outcome(lease: Lease, *, at: datetime) -> Outcome:
    try:
        return _send(lease, at=at)
    except SealBroken as broken:
        return Refused(broken.detail)
    except DeadlineOver:
        return Retry("it took too long", channel_wide=True, ambiguous=True)
    except Exception as unforeseen:  # noqa: BLE001  # its text may hold the address, and so it is not logged
        # The outbox continues: this delivery is retried, and its error is kept on the row.
        where = " < ".join(
            f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(unforeseen.__traceback__)[::-1]
        )
        name = type(unforeseen).__name__
        logger.error("delivery %s failed in a way no sender knows: %s in %s", lease.delivery.pk, name, where)  # noqa: TRY400  # as above
        return Retry(name, ambiguous=True)


def _send(lease: Lease, *, at: datetime) -> Outcome:
    delivery, channel = lease.delivery, lease.delivery.channel
    envelope = Envelope(
        delivery_id=str(delivery.pk),
        message=_with_full_link(Message.from_json(delivery.message)),
        occurred_at=delivery.created_at,
        possible_repeat=delivery.possible_repeat,
    )
    loopback: bool = settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS
    secrets = channel_secrets(channel)
    match ChannelKind(channel.kind):
        case ChannelKind.SLACK:
            return slack.send(
                envelope, url=secrets.url, allow_loopback=loopback, at=at, is_interactive=bool(secrets.secret)
            )
        case ChannelKind.EMAIL:
            return email.send(envelope, to=delivery.to, sender=settings.DEFAULT_FROM_EMAIL)
        case ChannelKind.WEBHOOK:
            return webhook.send(envelope, url=secrets.url, secret=secrets.secret, allow_loopback=loopback, at=at)


def _with_full_link(message: Message) -> Message:
    """A link that starts with "/" is an address of this installation."""
    if not message.link.startswith("/"):
        return message
    return Message.from_json({**message.as_json(), "link": f"{settings.PUBLIC_URL}{message.link}"})
