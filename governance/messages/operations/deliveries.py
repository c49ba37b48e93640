"""The outbox: lease, commit, send, settle. A delivery whose sender was killed comes due again, as a possible repeat."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction

from governance.errors import DomainError, Invalid, NotFound
from governance.messages.channels import Message
from governance.messages.models import Channel, ChannelKind, Delivery, DeliveryStatus
from governance.messages.queries import Destination, destinations
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.work.operations import json_text, nudge, number_array, send, text_array

logger = logging.getLogger(__name__)

SENDING_TASK, SENDING_QUEUE = "governance.send_due_deliveries", "deliveries"
QUEUE = """
WITH messages AS MATERIALIZED (
    SELECT place, message FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS given (message, place)
)
INSERT INTO governance_delivery (
    id, channel_id, dedup_key, "to", message, status, attempts_count, possible_repeats_count, next_attempt_at,
    last_error, created_at
)
SELECT gen_random_uuid(), given.channel_id, given.dedup_key, given.recipients::jsonb, message, 'pending', 0, 0, %s, '',
    %s
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[])
    AS given (channel_id, dedup_key, recipients, place)
JOIN messages USING (place)
ON CONFLICT DO NOTHING
"""


class DeliveryNotDead(DomainError):
    """Only a dead delivery is replayed."""

    code = "delivery_not_dead"


@transaction.atomic
def queue_delivery(
    *, channel: Channel, dedup_key: str, message: Message, at: datetime, to: Sequence[str] = ()
) -> Delivery | None:
    """Queues one message to one channel; None when `dedup_key` was queued to it before. `to` narrows an email.

    Invalid (`recipient_missing`) when nobody would receive it.
    """
    recipients = list(to or channel.to)
    if channel.kind == ChannelKind.EMAIL and not recipients:
        raise Invalid(f"The channel {channel} has nobody to write to.", code="recipient_missing")
    delivery = _row(channel, dedup_key, recipients, message, at)
    Delivery.objects.bulk_create([delivery], ignore_conflicts=True)
    if not Delivery.objects.filter(pk=delivery.pk).exists():
        return None
    nudge(SENDING_TASK, queue=SENDING_QUEUE)
    return delivery


def _row(channel: Channel, dedup_key: str, to: list[str], message: Message, at: datetime) -> Delivery:
    return Delivery(
        channel=channel, dedup_key=dedup_key, to=to, message=message.as_json(), next_attempt_at=at, created_at=at
    )


def _key_to(destination: Destination, dedup_key: str) -> str:
    """A channel may write to several people; each gets the message once."""
    return f"{dedup_key}/{destination.to}" if destination.to else dedup_key


@transaction.atomic
def queue_message(*, address: str, scope_id: int, dedup_key: str, message: Message, at: datetime) -> list[Delivery]:
    """Queues a message to `address` as guardrails write it: `owner`, `slack:NAME`, `email:NAME`, `webhook:NAME`; one
    delivery for each email recipient. Empty when all were queued before.

    NotFound (`scope_unknown`, `address_leads_nowhere`).
    """
    queued = []
    for destination in destinations(address, scope_id):
        delivery = queue_delivery(
            channel=destination.channel,
            dedup_key=_key_to(destination, dedup_key),
            message=message,
            at=at,
            to=(destination.to,) if destination.to else (),
        )
        if delivery is not None:
            queued.append(delivery)
    return queued


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one destination, for `queue_messages`."""

    destination: Destination
    dedup_key: str
    message: Message


def queue_messages(outgoing: Sequence[Outgoing], *, at: datetime) -> None:
    """Queues many messages with one statement, each written once however many it goes to; what was queued before stays
    as it is.
    """
    if not outgoing:
        return
    messages = {id(item.message): item.message for item in outgoing}
    places = {key: place for place, key in enumerate(messages, 1)}
    reached = {id(item.destination): item.destination for item in outgoing}
    recipients = {
        key: json_text([destination.to] if destination.to else list(destination.channel.to))
        for key, destination in reached.items()
    }
    values = [
        json_text([message.as_json() for message in messages.values()]),
        at,
        at,
        number_array(item.destination.channel.pk for item in outgoing),
        text_array(_key_to(item.destination, item.dedup_key) for item in outgoing),
        text_array(recipients[id(item.destination)] for item in outgoing),
        number_array(places[id(item.message)] for item in outgoing),
    ]
    send(partial(_queue, values))


def _queue(values: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, values)
    nudge(SENDING_TASK, queue=SENDING_QUEUE)


@transaction.atomic
def replay_delivery(*, delivery_id: uuid.UUID, actor: Actor, at: datetime, reason: str = "") -> Delivery:
    """Sends a dead delivery again, with the same id and attempts counted anew.

    NotFound (`delivery_unknown`), Forbidden, DeliveryNotDead.
    """
    deliveries = Delivery.objects.select_for_update(of=("self",)).select_related("channel__scope")
    delivery = deliveries.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(f"There is no delivery {delivery_id}.", code="delivery_unknown")
    check_may_change(actor, "governance.delivery", delivery.channel.scope.path)
    if delivery.status != DeliveryStatus.DEAD:
        raise DeliveryNotDead(f"The delivery {delivery.pk} is {delivery.status}; only a dead one is replayed.")
    delivery.status, delivery.dead_at = DeliveryStatus.PENDING, None
    delivery.next_attempt_at, delivery.attempts_count = at, 0
    delivery.save()
    nudge(SENDING_TASK, queue=SENDING_QUEUE)
    record_decision(
        actor=actor,
        action="delivery.replay",
        scope=delivery.channel.scope,
        subject=f"delivery:{delivery.pk}",
        reason=reason,
        evidence={"last_error": delivery.last_error},
        at=at,
    )
    return delivery
