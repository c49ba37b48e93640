from collections import Counter
from datetime import timedelta
from itertools import chain

import pytest

from governance.messages.channels import Retry, Sent
from governance.messages.engine.backoff import LONGEST
from governance.messages.models import Channel, Delivery
from governance.messages.operations import claim_due_delivery, settle_delivery
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, at_once
from tests.governance.messages.operations.test_deliveries import MINUTE, SECOND, claim, finops, queue, slack

__all__ = ["finops"]


def test_a_leased_delivery_is_nobody_elses_until_the_lease_ends(finops: Channel) -> None:
    queue(finops)
    lease = claim()
    assert claim_due_delivery(at=AT + 59 * SECOND) is None
    again = claim(AT + 60 * SECOND)
    assert (again.delivery.pk, again.delivery.possible_repeats_count) == (lease.delivery.pk, 1)
    assert settle_delivery(lease=lease, outcome=Sent(), at=AT + 61 * SECOND) is False
    assert settle_delivery(lease=again, outcome=Sent(), at=AT + 61 * SECOND) is True
    kept = Delivery.objects.get()
    assert (kept.status, kept.sent_at, kept.attempts_count, kept.possible_repeat) == ("sent", AT + 61 * SECOND, 2, True)
    assert claim_due_delivery(at=AT + timedelta(days=9)) is None


def test_an_ambiguous_end_is_counted_and_a_clear_one_is_not(finops: Channel) -> None:
    queue(finops)
    settle_delivery(lease=claim(), outcome=Retry("HTTP 503"), at=AT)
    assert Delivery.objects.get().possible_repeats_count == 0
    settle_delivery(lease=claim(AT + MINUTE), outcome=Retry("timed out", ambiguous=True), at=AT + MINUTE)
    assert Delivery.objects.get().possible_repeats_count == 1


def test_a_limited_channel_waits_as_asked_and_holds_up_no_other(finops: Channel, acme: Scope) -> None:
    second_channel = slack(acme, "other")
    first, second = queue(finops), queue(finops, "alert-2")
    settle_delivery(lease=claim(), outcome=Retry("HTTP 429", retry_after=30 * SECOND, channel_wide=True), at=AT)
    third = queue(second_channel)
    assert claim(AT + SECOND).delivery == third
    assert claim_due_delivery(at=AT + 29 * SECOND) is None
    sent = set()
    for _ in range(2):
        lease = claim(AT + 30 * SECOND)
        settle_delivery(lease=lease, outcome=Sent(), at=AT + 30 * SECOND)
        sent.add(lease.delivery.pk)
    assert sent == {first.pk, second.pk}


def test_a_message_that_went_through_opens_its_channel_again(finops: Channel) -> None:
    queue(finops)
    settle_delivery(lease=claim(), outcome=Retry("down", channel_wide=True), at=AT)
    assert Channel.objects.get(pk=finops.pk).failures_in_a_row == 1
    settle_delivery(lease=claim(AT + MINUTE), outcome=Sent(), at=AT + MINUTE)
    channel = Channel.objects.get(pk=finops.pk)
    assert (channel.failures_in_a_row, channel.blocked_until) == (0, None)


def test_a_channel_switched_off_sends_nothing_until_it_is_on(finops: Channel) -> None:
    queue(finops)
    Channel.objects.filter(pk=finops.pk).update(is_enabled=False)
    assert claim_due_delivery(at=AT) is None
    Channel.objects.filter(pk=finops.pk).update(is_enabled=True)
    assert claim().delivery.channel == finops


def test_trying_ends_and_the_delivery_is_shown_as_dead(finops: Channel) -> None:
    queue(finops)
    at = AT
    for _ in range(30):
        settle_delivery(lease=claim(at), outcome=Retry("HTTP 503"), at=at)
        at += LONGEST
    dead = Delivery.objects.get()
    assert (dead.status, dead.attempts_count, dead.last_error) == ("dead", 30, "gave up after 30 attempts: HTTP 503")


@pytest.mark.django_db(transaction=True)
def test_senders_at_once_never_hold_the_same_delivery() -> None:
    for number in range(20):
        acme = create_scope(slug=f"acme-{number}", kind="organisation", actor=SYSTEM, at=AT)
        for name in ("finops", "other"):
            queue(slack(acme, name))

    def work(_: int) -> list[object]:
        leases = [lease for _ in range(15) if (lease := claim_due_delivery(at=AT))]
        return [lease.delivery.pk for lease in leases if settle_delivery(lease=lease, outcome=Sent(), at=AT)]

    sent = Counter(chain.from_iterable(at_once(work, 6)))
    assert (len(sent), set(sent.values())) == (40, {1})
    assert Delivery.objects.filter(status="sent", attempts_count=1).count() == 40


@pytest.mark.django_db(transaction=True)
def test_senders_at_once_never_send_two_messages_through_one_channel() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    channel = slack(acme, "finops")
    for number in range(40):
        queue(channel, f"alert-{number}")
    held: set[object] = set()

    def work(_: int) -> int:
        sent = 0
        for _ in range(200):
            lease = claim_due_delivery(at=AT)
            if lease is not None:
                assert not held
                held.add(lease.delivery.pk)
                held.discard(lease.delivery.pk)
                sent += settle_delivery(lease=lease, outcome=Sent(), at=AT)
        return sent

    assert sum(at_once(work, 6)) == 40
