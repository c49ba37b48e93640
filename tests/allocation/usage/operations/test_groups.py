import json
import threading
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.models import UsageRecord
from allocation.usage.operations import BATCH_MAX, BatchTooLarge, IngestResult, Submission, ingest, record_together
from allocation.usage.operations.records import ask_to_insert
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from tests.allocation.conftest import AT, Client, document, event, make_organisation, rolled_up

NEW, KNOWN = IngestResult(1, 0, ()), IngestResult(0, 1, ())


def assert_rolled_up() -> None:
    minutes, hours, days, records = rolled_up()
    assert minutes == hours == days == records


def sent(scope: Scope, *events: Any, **changes: Any) -> Submission:
    return Submission(events=events, key_scope_id=scope.pk, **changes)


@pytest.fixture
def other(db: None) -> Scope:
    del db
    return make_organisation("globex")


def test_senders_of_several_organisations_share_a_transaction(acme: Scope, other: Scope) -> None:
    submissions = [
        sent(acme, event(id="one"), event(id="two")),
        sent(other, event(id="one", scope="globex/ads")),
        sent(acme, event(id="three", attributes={})),
    ]
    assert record_together(submissions, at=AT) == [IngestResult(2, 0, ()), NEW, NEW]
    assert UsageRecord.objects.values_list("received_at").distinct().count() == 1
    assert_rolled_up()
    assert {"acme", "globex"} <= set(DirtyScope.objects.values_list("scope__path", flat=True))


def test_of_the_same_record_from_two_the_first_stands(acme: Scope) -> None:
    first, again = event(id="one", model="gpt-4o"), event(id="one", model="o3")
    assert record_together([sent(acme, first), sent(acme, again), sent(acme, first)], at=AT) == [NEW, KNOWN, KNOWN]
    assert UsageRecord.objects.get().model == "gpt-4o"


def test_an_id_that_is_used_once_is_the_same_call_from_another_sender(acme: Scope) -> None:
    first = event(id="one", identity="id")
    later = event(id="one", identity="id", occurred_at="2026-11-24T12:05:00Z")
    named = event(id="two", identity="id", other_ids=["one"])
    submissions = [sent(acme, first), sent(acme, later), sent(acme, named)]
    assert record_together(submissions, at=AT) == [NEW, KNOWN, KNOWN]


def test_a_bad_record_harms_none_beside_it(acme: Scope, other: Scope) -> None:
    forbidden = event(id="two", scope="globex/ads")
    results = record_together([sent(acme, event()), sent(acme, forbidden, event()), sent(other, event())], at=AT)
    assert [(result.accepted, [each.code for each in result.rejected]) for result in results if result] == [
        (1, []), (1, ["scope_unknown"]), (0, ["scope_unknown"]),
    ]  # fmt: skip
    assert set(QuarantinedUsage.objects.values_list("authority_id", flat=True)) == {acme.pk, other.pk}


def test_what_cannot_be_stored_is_raised_for_its_own_sender(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(message: Any, records: Sequence[CostedRecord], at: datetime) -> Any:
        if any(record.event.id == "odd" for record in records):
            raise ZeroDivisionError
        return ask_to_insert(message, records, at)

    monkeypatch.setattr(ingest, "ask_to_insert", refusing)
    results = record_together([sent(acme, event()), sent(acme, event(id="odd")), sent(acme, event())], at=AT)
    assert [type(result) for result in results] == [IngestResult, ZeroDivisionError, IngestResult]
    assert UsageRecord.objects.count() == 2


def test_a_submission_that_is_too_large_is_refused_alone(acme: Scope) -> None:
    large = sent(acme, *[event(id="same")] * (BATCH_MAX + 1))
    results = record_together([sent(acme, event()), large], at=AT)
    assert (results[0], type(results[1])) == (NEW, BatchTooLarge)


def test_what_a_sender_asked_for_goes_for_its_own_records(acme: Scope) -> None:
    billed = event(id="one", claimed_cost=Decimal("0.5"))
    listed = event(id="two", claimed_cost=Decimal("0.5"))
    record_together([sent(acme, billed, price="billed"), sent(acme, listed)], at=AT)
    assert dict(UsageRecord.objects.values_list("event_id", "cost")) == {
        "one": Decimal("0.5"), "two": Decimal("0.0035")
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_posts_of_many_threads_are_counted_once_each_and_committed_when_answered(client_of: Client) -> None:
    acme = make_organisation()
    posted = [document(id=f"call-{number % 20}", occurred_at=timezone.now().isoformat()) for number in range(20)] * 2
    http = client_of(acme)
    answers: list[Any] = []

    def post(share: list[dict[str, Any]]) -> None:
        for body in share:
            answer = http.generic("POST", "/api/v1/usage", json.dumps(body), "application/json").json()
            answers.append((answer, UsageRecord.objects.filter(event_id=body["id"]).count()))
        connection.close()

    threads = [threading.Thread(target=post, args=(posted[place::8],)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(answer["accepted"] for answer, _ in answers) == 20
    assert sum(answer["duplicate"] for answer, _ in answers) == 20
    assert {count for _, count in answers} == {1}
    assert_rolled_up()
