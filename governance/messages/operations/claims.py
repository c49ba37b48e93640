"""Leasing what is due and recording what became of it. A receiver delays only itself: one message to a channel, and
to an address, at a time, few of an organisation, and few of all threads for those that fail or are slow.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from django.db import transaction
from django.db.models import F, Q

from governance.messages.channels import Outcome, Refused, Retry, Sent
from governance.messages.engine.backoff import delay_before_attempt
from governance.messages.engine.sealing import SealBroken
from governance.messages.models import Channel, ChannelKind, Delivery, DeliveryStatus
from governance.messages.operations.channels import channel_secrets, endpoint_of
from governance.work.engine.locks import ENDPOINT_LOCK
from governance.work.operations import hold_if_free

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
# With the delays of `delay_before_attempt` about three days of attempts.
ATTEMPTS_MAX = 30
CHANNEL_PAUSE_MAX = timedelta(minutes=5)
# After so many failures one after the other, of whatever kind, the next messages wait too.
FAILURES_MAX = 5
# Of the threads that send (config/programs.py): at most so many for one organisation's messages, for channels whose
# last message failed or took SLOW_S, and for email, which one server takes for everybody.
OF_ORGANISATION_MAX, DOUBTFUL_MAX, EMAILS_MAX = 2, 2, 4
SLOW_S = 3.0
_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send a delivery until `until`."""

    delivery: Delivery
    token: uuid.UUID
    until: datetime


@transaction.atomic
def claim_due_delivery(*, at: datetime, lease: timedelta = LEASE, busy_endpoints: Collection[str] = ()) -> Lease | None:
    """Leases the delivery that has been due longest, of a channel that is enabled, not paused and not being sent to,
    nor is its address through another channel. Commit before sending.
    """
    due = Q(status=DeliveryStatus.PENDING, next_attempt_at__lte=at) | Q(
        status=DeliveryStatus.SENDING, leased_until__lte=at
    )
    unblocked = Q(channel__blocked_until=None) | Q(channel__blocked_until__lte=at)
    # The channel's row is locked too, and read again once it is: two claims cannot both find it free.
    unsent = Q(channel__sending_until=None) | Q(channel__sending_until__lte=at)
    delivery = (
        Delivery.objects.select_for_update(of=("self", "channel"), skip_locked=True, no_key=True)
        .select_related("channel")
        .filter(due, unblocked, unsent, channel__is_enabled=True)
        .exclude(_crowded(at))
        .exclude(channel__endpoint__in=busy_endpoints)
        .order_by("next_attempt_at", "id")
        .first()
    )
    if delivery is None:
        return None
    endpoint = _endpoint(delivery.channel)
    if endpoint and not _is_free(endpoint, at):
        return claim_due_delivery(at=at, lease=lease, busy_endpoints={*busy_endpoints, endpoint})
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
    Channel.objects.filter(pk=delivery.channel_id).update(sending_until=at + lease)
    return Lease(delivery, token, at + lease)


def _endpoint(channel: Channel) -> str:
    """The mark of the channel's address, made now where there is none yet. Secrets that do not open are for the sender
    to refuse.
    """
    if channel.endpoint or not channel.sealed_secrets:
        return channel.endpoint
    try:
        channel.endpoint = endpoint_of(channel_secrets(channel))
    except SealBroken:
        return ""
    channel.save(update_fields=["endpoint"])
    return channel.endpoint


def _is_free(endpoint: str, at: datetime) -> bool:
    """Whether nobody is sending to the address. Two claims for two channels cannot both find it free: they have only
    their own channel's row, and so the address is locked too.
    """
    digest = int(endpoint[:16], 16) - 2**63
    return (
        hold_if_free(ENDPOINT_LOCK, of=digest)
        and not Channel.objects.filter(endpoint=endpoint, sending_until__gt=at).exists()
    )


def _crowded(at: datetime) -> Q:
    """Deliveries that wait, since as many of their kind as there may be are being sent."""
    sending = Channel.objects.filter(sending_until__gt=at)
    rows = list(sending.values_list("scope__path", "kind", "failures_in_a_row", "last_send_s", "endpoint"))
    tops = Counter(path.partition("/")[0] for path, *_ in rows)
    crowded = Q(pk=None) | Q(channel__endpoint__in={endpoint for *_, endpoint in rows if endpoint})
    for top, count in tops.items():
        if count >= OF_ORGANISATION_MAX:
            crowded |= Q(channel__scope__path=top) | Q(channel__scope__path__startswith=f"{top}/")
    if sum(failures > 0 or took_s > SLOW_S for _, _, failures, took_s, _ in rows) >= DOUBTFUL_MAX:
        crowded |= Q(channel__failures_in_a_row__gt=0) | Q(channel__last_send_s__gt=SLOW_S)
    if sum(kind == ChannelKind.EMAIL for _, kind, *_ in rows) >= EMAILS_MAX:
        crowded |= Q(channel__kind=ChannelKind.EMAIL)
    return crowded


@transaction.atomic
def settle_delivery(*, lease: Lease, outcome: Outcome, at: datetime, took_s: float = 0.0) -> bool:
    """Records the outcome. False when the lease had expired and another sender took over."""
    held = Delivery.objects.select_for_update().filter(pk=lease.delivery.pk, lease_token=lease.token).first()
    if held is None:
        logger.warning("delivery %s was settled after its lease had gone to another", lease.delivery.pk)
        return False
    Channel.objects.filter(pk=held.channel_id, sending_until=lease.until).update(sending_until=None, last_send_s=took_s)
    held.leased_until = held.lease_token = None
    match outcome:
        case Sent():
            held.status, held.sent_at, held.last_error = DeliveryStatus.SENT, at, ""
            Channel.objects.filter(pk=held.channel_id).exclude(failures_in_a_row=0, blocked_until=None).update(
                failures_in_a_row=0, blocked_until=None, last_failure=""
            )
        case Refused():
            bury(held, outcome.reason, at)
        case Retry():
            _put_off(held, outcome, at)
    held.save()
    return True


def _give_up(delivery: Delivery, at: datetime) -> None:
    """A delivery whose sender dies on every attempt is not sent for ever."""
    delivery.possible_repeats_count += 1
    delivery.leased_until = delivery.lease_token = None
    bury(delivery, f"gave up after {delivery.attempts_count} attempts: none was ever settled", at)
    delivery.save()


def _put_off(delivery: Delivery, outcome: Retry, at: datetime) -> None:
    if outcome.ambiguous:
        delivery.possible_repeats_count += 1
    if delivery.attempts_count >= ATTEMPTS_MAX:
        bury(delivery, f"gave up after {delivery.attempts_count} attempts: {outcome.reason}", at)
        return
    delay = delay_before_attempt(delivery.attempts_count + 1, jitter=_random.random())
    if outcome.retry_after is not None:
        delay = max(delay if not outcome.channel_wide else timedelta(), outcome.retry_after)
    delivery.status, delivery.next_attempt_at, delivery.last_error = (
        DeliveryStatus.PENDING,
        at + delay,
        _storable(outcome.reason),
    )
    _note_failure(delivery, outcome, delay, at)


def _note_failure(delivery: Delivery, outcome: Retry, delay: timedelta, at: datetime) -> None:
    """Only this channel waits; one that is slow or rate-limited never delays another. That an email server puts one
    recipient off says nothing of the others.
    """
    channel = delivery.channel
    if not outcome.channel_wide and channel.kind == ChannelKind.EMAIL:
        return
    failures = channel.failures_in_a_row + 1
    changed: dict[str, object] = {
        "failures_in_a_row": F("failures_in_a_row") + 1,
        "last_failure": _storable(outcome.reason),
    }
    if outcome.channel_wide or failures >= FAILURES_MAX:
        # The longer it fails, the longer it rests.
        rest = delay_before_attempt(failures + 1, jitter=_random.random())
        changed["blocked_until"] = at + (outcome.retry_after or min(max(delay, rest), CHANNEL_PAUSE_MAX))
    Channel.objects.filter(pk=channel.pk).update(**changed)


def bury(delivery: Delivery, reason: str, at: datetime) -> None:
    """It is not sent any more."""
    delivery.status, delivery.dead_at, delivery.last_error = DeliveryStatus.DEAD, at, _storable(reason)
    logger.error("delivery %s through %s is dead: %s", delivery.pk, delivery.channel_id, reason)


def _storable(reason: str) -> str:
    """A receiver's text may hold anything; a row that cannot be saved would be sent again for ever."""
    return reason.replace("\0", "�").encode("utf-8", "replace").decode()[:500]
