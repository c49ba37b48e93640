from datetime import timedelta
from uuid import uuid4

import pytest

from governance.errors import DomainError, Invalid, NotFound
from governance.messages.channels import Refused
from governance.messages.models import Channel, Delivery
from governance.messages.operations import (
    Lease,
    claim_due_delivery,
    queue_delivery,
    queue_message,
    replay_delivery,
    settle_delivery,
)
from governance.organisations.operations import create_scope
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person, at_once, message

SECOND = timedelta(seconds=1)


MINUTE = timedelta(minutes=1)


@pytest.fixture
def finops(acme: Scope) -> Channel:
    return slack(acme, "finops")


def slack(scope: Scope, name: str) -> Channel:
    return Channel.objects.create(scope=scope, kind="slack", name=name, sealed_secrets=b"not opened here")


def queue(channel: Channel, key: str = "alert-1") -> Delivery:
    delivery = queue_delivery(channel=channel, dedup_key=key, message=message(), at=AT)
    assert delivery is not None
    return delivery


def claim(at: object = AT) -> Lease:
    lease = claim_due_delivery(at=at)  # type: ignore[arg-type]
    assert lease is not None
    return lease


def test_the_same_news_is_queued_once_per_channel(finops: Channel, acme: Scope) -> None:
    queue(finops)
    assert queue_delivery(channel=finops, dedup_key="alert-1", message=message(title="again"), at=AT) is None
    queue(slack(acme, "other"))
    assert Delivery.objects.count() == 2


def test_an_address_becomes_one_delivery_for_each_recipient_once(acme: Scope, search: Scope, person: Person) -> None:
    person("ada@example.com", search)
    person("bob@example.com", search)
    for wanted in (["ada@example.com", "bob@example.com"], []):
        queued = queue_message(address="owner", scope_id=search.pk, dedup_key="a", message=message(), at=AT)
        assert [to for delivery in queued for to in delivery.to] == wanted


def test_an_email_to_nobody_is_refused(acme: Scope) -> None:
    with pytest.raises(Invalid, match="nobody to write to"):
        queue_delivery(channel=Channel.objects.get(), dedup_key="a", message=message(), at=AT)
    assert not Delivery.objects.exists()


def test_a_refused_delivery_is_dead_and_can_be_replayed_with_its_id(finops: Channel) -> None:
    delivery = queue(finops)
    settle_delivery(lease=claim(), outcome=Refused("404 no_service"), at=AT)
    dead = Delivery.objects.get()
    assert (dead.status, dead.dead_at, dead.last_error) == ("dead", AT, "404 no_service")
    assert claim_due_delivery(at=AT + timedelta(days=9)) is None
    replay_delivery(delivery_id=delivery.pk, actor=SYSTEM, at=AT + MINUTE, reason="webhook repaired")
    assert claim(AT + MINUTE).delivery.pk == delivery.pk
    with pytest.raises(DomainError, match="only a dead one is replayed"):
        replay_delivery(delivery_id=delivery.pk, actor=SYSTEM, at=AT)
    assert DecisionRecord.objects.filter(action="delivery.replay").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_news_queued_at_once_is_one_delivery() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    channel = slack(acme, "finops")
    queued = at_once(lambda _: queue_delivery(channel=channel, dedup_key="a", message=message(), at=AT), 6)
    assert sum(delivery is not None for delivery in queued) == 1
    assert Delivery.objects.count() == 1


def test_a_delivery_that_is_not_there_is_not_found(db: None) -> None:
    with pytest.raises(NotFound):
        replay_delivery(delivery_id=uuid4(), actor=SYSTEM, at=AT)
