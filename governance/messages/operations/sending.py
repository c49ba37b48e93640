"""Sending one leased delivery."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings

from governance.messages.channels import Envelope, Message, Outcome, Refused, Retry, email, slack, webhook
from governance.messages.engine.sealing import SealBroken
from governance.messages.models import ChannelKind
from governance.messages.operations.channels import channel_secrets
from governance.messages.operations.deliveries import Lease

logger = logging.getLogger(__name__)


def send_delivery(lease: Lease, *, at: datetime) -> Outcome:
    """The network call between claim and settle, outside any transaction. Never raises: every failure is an Outcome."""
    try:
        return _send(lease, at=at)
    except SealBroken as broken:
        return Refused(broken.detail)
    except Exception as unforeseen:
        # The outbox continues: this delivery is retried, and its error is kept on the row.
        logger.exception("delivery %s failed in a way no sender knows", lease.delivery.pk)
        return Retry(f"{type(unforeseen).__name__}: {unforeseen}", ambiguous=True)


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
            return slack.send(envelope, url=secrets.url, allow_loopback=loopback, at=at)
        case ChannelKind.EMAIL:
            return email.send(envelope, to=delivery.to, sender=settings.DEFAULT_FROM_EMAIL)
        case ChannelKind.WEBHOOK:
            return webhook.send(envelope, url=secrets.url, secret=secrets.secret, allow_loopback=loopback, at=at)


def _with_full_link(message: Message) -> Message:
    """A link that starts with "/" is an address of this installation."""
    if not message.link.startswith("/"):
        return message
    return Message.from_json({**message.as_json(), "link": f"{settings.PUBLIC_URL}{message.link}"})
