"""The outbox: lease, commit, send, settle. A delivery whose sender was killed comes due again, as a possible repeat."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from django.db import connection, transaction
from django.db.models import F, Q

from governance.errors import DomainError, Invalid, NotFound
from governance.messages.channels import Message, Outcome, Refused, Retry, Sent
from governance.messages.engine.backoff import delay_before_attempt
from governance.messages.models import Channel, ChannelKind, Delivery, DeliveryStatus
from governance.messages.queries import Destination, destinations
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.work.operations import nudge, number_array, text_array

logger = logging.getLogger(__name__)

SENDING_TASK, SENDING_QUEUE = "governance.send_due_deliveries", "deliveries"
LEASE = timedelta(seconds=60)
# With the delays of `delay_before_attempt` about three days of attempts.
ATTEMPTS_MAX = 30
CHANNEL_PAUSE_MAX = timedelta(minutes=5)
_random = SystemRandom()
QUEUE = """
WITH messages AS MATERIALIZED (
    SELECT place, message FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS given (message, place)
)
INSERT INTO governance_delivery (
    id, channel_id, dedup_key, "to", message, status, attempts_count, possible_repeats_count, next_attempt_at,
    last_error, created_at
)
SELECT given.id, given.channel_id, given.dedup_key, given.recipients::jsonb, message, 'pending', 0, 0, %s, '', %s
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bigint[])
    AS given (id, channel_id, dedup_key, recipients, place)
JOIN messages USING (place)
ON CONFLICT DO NOTHING
"""


class DeliveryNotDead(DomainError):
    """Only a dead delivery is replayed."""

    code = "delivery_not_dead"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send a delivery until `until`."""

    delivery: Delivery
    token: uuid.UUID
    until: datetime


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
    recipients = [
        [item.destination.to] if item.destination.to else list(item.destination.channel.to) for item in outgoing
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            QUEUE,
            [
                json.dumps([message.as_json() for message in messages.values()]),
                at,
                at,
                number_array(uuid.uuid4() for _ in outgoing),
                number_array(item.destination.channel.pk for item in outgoing),
                text_array(_key_to(item.destination, item.dedup_key) for item in outgoing),
                text_array(json.dumps(to) for to in recipients),
                number_array(places[id(item.message)] for item in outgoing),
            ],
        )
    nudge(SENDING_TASK, queue=SENDING_QUEUE)


@transaction.atomic
def claim_due_delivery(*, at: datetime, lease: timedelta = LEASE) -> Lease | None:
    """Leases the delivery that has been due longest, of a channel that is enabled and not paused. Commit before
    sending.
    """
    due = Q(status=DeliveryStatus.PENDING, next_attempt_at__lte=at) | Q(
        status=DeliveryStatus.SENDING, leased_until__lte=at
    )
    unblocked = Q(channel__blocked_until=None) | Q(channel__blocked_until__lte=at)
    delivery = (
        Delivery.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("channel")
        .filter(due, unblocked, channel__is_enabled=True)
        .order_by("next_attempt_at", "id")
        .first()
    )
    if delivery is None:
        return None
    if delivery.status == DeliveryStatus.SENDING and delivery.attempts_count >= ATTEMPTS_MAX:
        _give_up(delivery, at)
        return claim_due_delivery(at=at, lease=lease)
    if delivery.status == DeliveryStatus.SENDING:
        delivery.possible_repeats_count += 1
        logger.warning("delivery %s may be a repeat: its sender never settled it", delivery.pk)
    token = uuid.uuid4()
    delivery.status = DeliveryStatus.SENDING
    delivery.attempts_count += 1
    delivery.leased_until = at + lease
    delivery.lease_token = token
    delivery.save(update_fields=["status", "attempts_count", "leased_until", "lease_token", "possible_repeats_count"])
    return Lease(delivery, token, at + lease)


@transaction.atomic
def settle_delivery(*, lease: Lease, outcome: Outcome, at: datetime) -> bool:
    """Records the outcome. False when the lease had expired and another sender took over."""
    held = Delivery.objects.select_for_update().filter(pk=lease.delivery.pk, lease_token=lease.token).first()
    if held is None:
        logger.warning("delivery %s was settled after its lease had gone to another", lease.delivery.pk)
        return False
    held.leased_until = held.lease_token = None
    match outcome:
        case Sent():
            held.status, held.sent_at, held.last_error = DeliveryStatus.SENT, at, ""
            Channel.objects.filter(pk=held.channel_id).exclude(failures_in_a_row=0, blocked_until=None).update(
                failures_in_a_row=0, blocked_until=None
            )
        case Refused():
            _bury(held, outcome.reason, at)
        case Retry():
            _put_off(held, outcome, at)
    held.save()
    return True


def _give_up(delivery: Delivery, at: datetime) -> None:
    """A delivery whose sender dies on every attempt is not sent for ever."""
    delivery.possible_repeats_count += 1
    delivery.leased_until = delivery.lease_token = None
    _bury(delivery, f"gave up after {delivery.attempts_count} attempts: none was ever settled", at)
    delivery.save()


def _put_off(delivery: Delivery, outcome: Retry, at: datetime) -> None:
    if outcome.ambiguous:
        delivery.possible_repeats_count += 1
    if delivery.attempts_count >= ATTEMPTS_MAX:
        _bury(delivery, f"gave up after {delivery.attempts_count} attempts: {outcome.reason}", at)
        return
    delay = delay_before_attempt(delivery.attempts_count + 1, jitter=_random.random())
    if outcome.retry_after is not None:
        delay = max(delay if not outcome.channel_wide else timedelta(), outcome.retry_after)
    delivery.status, delivery.next_attempt_at, delivery.last_error = (
        DeliveryStatus.PENDING,
        at + delay,
        _storable(outcome.reason),
    )
    if outcome.channel_wide:
        _pause_channel(delivery.channel_id, outcome.retry_after or min(delay, CHANNEL_PAUSE_MAX), at)


def _pause_channel(channel_id: uuid.UUID, pause: timedelta, at: datetime) -> None:
    """Only this channel waits; one that is slow or rate-limited never delays another."""
    Channel.objects.filter(pk=channel_id).update(blocked_until=at + pause, failures_in_a_row=F("failures_in_a_row") + 1)


def _bury(delivery: Delivery, reason: str, at: datetime) -> None:
    delivery.status, delivery.dead_at, delivery.last_error = DeliveryStatus.DEAD, at, _storable(reason)
    logger.error("delivery %s through %s is dead: %s", delivery.pk, delivery.channel_id, reason)


def _storable(reason: str) -> str:
    """A receiver's text may hold anything; a row that cannot be saved would be sent again for ever."""
    return reason.replace("\0", "�").encode("utf-8", "replace").decode()[:500]


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
