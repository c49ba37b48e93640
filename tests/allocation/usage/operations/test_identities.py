"""Ids that are used once: the same id at another instant is the same record."""

from datetime import timedelta
from typing import Any

import pytest

from allocation.meters.documents import UsageEvent
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import ReplayResult, replay_quarantined
from allocation.usage.models import UsageDay, UsageIdentity, UsageRecord
from allocation.usage.operations import IngestResult, forget_identities, maintain_partitions, record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation, rolled_up
from tests.governance.conftest import at_once


def stamped(name: str, seconds: float, **changes: Any) -> UsageEvent:
    """The call told again, with the instant at which it was told."""
    return event(id=name, identity="id", occurred_at=AT - timedelta(hours=1) + timedelta(seconds=seconds), **changes)


def test_a_retry_stamped_anew_counts_once(acme: Scope) -> None:
    retries = [stamped("a", 0), stamped("a", 1.5), stamped("b", 0)]
    assert record_usage(events=retries, key_scope_id=acme.pk, at=AT) == IngestResult(2, 1, ())
    later = [stamped("a", 3600), stamped("b", -86_400), stamped("c", 0)]
    assert record_usage(events=later, key_scope_id=acme.pk, at=AT) == IngestResult(1, 2, ())
    assert record_usage(events=later, key_scope_id=acme.pk, at=AT) == IngestResult(0, 3, ())
    assert UsageDay.objects.get().requests == UsageRecord.objects.count() == UsageIdentity.objects.count() == 3


def test_another_source_or_organisation_has_ids_of_its_own(acme: Scope) -> None:
    globex = make_organisation("globex")
    elsewhere = [stamped("a", 1, source="other"), stamped("a", 2)]
    assert record_usage(events=elsewhere, key_scope_id=acme.pk, at=AT) == IngestResult(2, 0, ())
    theirs = stamped("a", 3, scope="globex/search")
    assert record_usage(events=[theirs], key_scope_id=globex.pk, at=AT) == IngestResult(1, 0, ())


def test_one_told_before_with_its_instant_is_known_at_that_instant(acme: Scope) -> None:
    record_usage(events=[event(id="a", occurred_at=AT)], key_scope_id=acme.pk, at=AT)
    again = event(id="a", occurred_at=AT, identity="id")
    assert record_usage(events=[again], key_scope_id=acme.pk, at=AT) == IngestResult(0, 1, ())
    assert record_usage(events=[stamped("a", 9)], key_scope_id=acme.pk, at=AT) == IngestResult(0, 1, ())


def test_other_events_leave_no_identity(acme: Scope) -> None:
    record_usage(events=[event(), event()], key_scope_id=acme.pk, at=AT)
    assert UsageIdentity.objects.count() == 0


@pytest.mark.parametrize("order", [1, -1])
def test_who_names_a_call_otherwise_tells_of_the_same(acme: Scope, order: int) -> None:
    told = [
        stamped("a", 0, other_ids=["a-of-the-log", "a-of-the-bill"]),
        stamped("a-of-the-bill", 2),
        stamped("a-of-the-log", 1),
        # Two calls may share what a third sender would call them: that tells nothing of either.
        stamped("b", 0, other_ids=["shared"]),
        stamped("c", 0, other_ids=["shared"]),
    ][::order]
    results = [record_usage(events=[each], key_scope_id=acme.pk, at=AT) for each in (*told, *told)]
    assert sum(result.accepted for result in results[:5]) == (3 if order == 1 else 4)
    assert sum(result.accepted for result in results[5:]) == 0


def test_a_replayed_record_keeps_what_identifies_it(acme: Scope) -> None:
    refused = stamped("a", 0, scope="acme/new", other_ids=["a-2"])
    record_usage(events=[refused], key_scope_id=acme.pk, at=AT)
    payload = QuarantinedUsage.objects.get().payload
    assert payload is not None
    assert (payload["identity"], payload["other_ids"]) == ("id", ["a-2"])
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    assert record_usage(events=[stamped("a-2", 5)], key_scope_id=acme.pk, at=AT) == IngestResult(1, 0, ())
    assert replay_quarantined(actor=SYSTEM, at=AT) == ReplayResult(0, 1, {})


@pytest.mark.django_db(transaction=True)
def test_many_tell_of_the_same_calls_at_once_each_with_its_own_clock() -> None:
    acme = make_organisation()
    results: list[IngestResult] = []

    def tell(number: int) -> None:
        # Half of them know a call by one name, half by the other.
        names = [(f"{call}", f"{call}-again")[:: 1 if number % 2 else -1] for call in range(60)]
        told = [stamped(name, number / 10, other_ids=[other]) for name, other in names]
        told += [event(id=f"plain-{n}") for n in range(20)]
        for start in range(0, 80, 20):
            batch = told[start : start + 20]
            results.append(record_usage(events=batch if number % 2 else batch[::-1], key_scope_id=acme.pk, at=AT))

    at_once(tell, 4)
    assert sum(result.accepted for result in results) == UsageRecord.objects.count() == 80
    assert UsageIdentity.objects.count() == 120
    minutes, hours, days, records = rolled_up()
    assert minutes == hours == days == records


def test_ids_are_forgotten_with_the_month_of_their_record(acme: Scope, settings: Any) -> None:
    old, new = AT - timedelta(days=100), AT
    told = [event(id=name, identity="id", occurred_at=at) for name, at in (("old", old), ("new", new))]
    record_usage(events=told, key_scope_id=acme.pk, at=AT)
    settings.USAGE_RETENTION_DAYS = 60
    maintain_partitions(at=AT)
    assert list(UsageIdentity.objects.values_list("occurred_at", flat=True)) == [new]
    assert forget_identities(before=AT + timedelta(days=1)) == 1
