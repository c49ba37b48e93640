import json
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation.meters.documents import Money
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage import operations
from allocation.usage.models import IngestWatermark, UsageDay, UsageHour, UsageMinute, UsageRecord
from allocation.usage.operations import IngestResult, record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation, rolled_up, stored_sums
from tests.allocation.declared_documents import BOOK
from tests.allocation.focus.stated import apply_rates
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.database_owner import as_owner
from tests.governance.conftest import at_once

COUNTED = [UsageRecord, UsageMinute, UsageHour, UsageDay]


def test_a_record_remembers_its_price_and_place(acme: Scope, search: Scope) -> None:
    result = record_usage(
        events=[
            event(id="one", tokens={"input": 1000, "cached_input": 400, "output": 100, "reasoning": 20}, latency_ms=12)
        ],
        key_scope_id=acme.pk,
        at=AT,
    )
    assert result == IngestResult(accepted=1, duplicate=0, rejected=())
    record = UsageRecord.objects.get()
    assert (record.scope, record.attribution, record.cost, record.price_source, record.price_version) == (
        search, "explicit", Decimal("0.003"), "genai-prices", "0.2.3",
    )  # fmt: skip
    assert (record.received_at, record.latency_ms, record.total_tokens) == (AT, 12, 1100)
    assert IngestWatermark.objects.get().last_received_at == AT
    assert set(DirtyScope.objects.values_list("scope__path", flat=True)) == {"acme/search", "acme"}


@pytest.mark.parametrize(
    ("changes", "cost", "source"),
    [
        pytest.param({"model": "gpt-mock"}, None, "none", id="unpriced is never zero"),
        pytest.param({"status": "error"}, None, "none", id="a failure costs nothing"),
        pytest.param(
            {"status": "error", "cost": Decimal(1)}, None, "none", id="a failure costs nothing, whatever is claimed"
        ),
        pytest.param({"cost": Decimal("0.0123456789012")}, "0.012345679", "provider", id="billed, to nine places"),
        pytest.param(
            {"cost": Money(amount=Decimal(2), currency="USD")}, "2", "provider", id="billed with its currency"
        ),
        pytest.param({"cached_response": True}, "0", "response_cache", id="answered from the gateway's cache"),
        pytest.param({"requests": 3}, "0.0035", "genai-prices", id="three requests in one record"),
    ],
)
def test_prices(acme: Scope, changes: dict[str, Any], cost: str | None, source: str) -> None:
    record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.cost, record.price_source) == (None if cost is None else Decimal(cost), source)
    day = UsageDay.objects.get()
    unpriced = record.requests if source == "none" and record.status == "success" else 0
    assert (day.cost, day.unpriced_requests, day.errors) == (
        Decimal(cost or 0), unpriced, record.requests if record.status == "error" else 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": "acme/ads"}, "scope_unknown"),
        ({"scope": "acme/nowhere"}, "scope_unknown"),
        ({"scope": "Not a path"}, "scope_unknown"),
        ({"occurred_at": AT - timedelta(days=401)}, "occurred_too_early"),
        ({"occurred_at": AT + timedelta(minutes=6)}, "occurred_in_future"),
        ({"cost": Money(amount=Decimal(1), currency="EUR")}, "exchange_rate_missing"),
    ],
)
def test_what_cannot_be_taken_waits_in_quarantine(search: Scope, changes: dict[str, Any], code: str) -> None:
    good = event()
    for _ in range(2):
        result = record_usage(events=[event(id="bad", **changes), good], key_scope_id=search.pk, at=AT)
        assert [(one.index, one.code) for one in result.rejected] == [(0, code)]
    assert (UsageRecord.objects.count(), UsageRecord.objects.get().event_id) == (1, good.id)
    kept = QuarantinedUsage.objects.get()
    assert (kept.code, kept.authority, kept.seen_count, kept.payload["id"]) == (code, search, 2, "bad")


def test_without_a_match_a_narrow_keys_usage_lands_on_its_own_scope(search: Scope) -> None:
    record_usage(events=[event(scope=None), event(scope=None, attributes={"team": "x"})], key_scope_id=search.pk, at=AT)
    assert set(UsageRecord.objects.values_list("scope__path", "attribution")) == {("acme/search", "explicit")}


def test_without_a_match_usage_is_the_organisations_unattributed(acme: Scope) -> None:
    record_usage(events=[event(scope=None, attributes={"team": "x"})], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.scope.path, record.attribution, record.attributes) == (
        "acme/unattributed", "unattributed", {"team": "x"},
    )  # fmt: skip


def test_texts_come_back_as_they_were(acme: Scope) -> None:
    odd = 'a\\b "quoted" \\N \\t ☃ {x}'
    record_usage(events=[event(id=odd, task_id=odd, attributes={"note": odd})], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.event_id, record.task_id, record.attributes) == (odd, odd, {"note": odd})


def test_identity_is_source_id_and_instant(acme: Scope) -> None:
    one = event(id="1")
    later = event(id="1", occurred_at=one.occurred_at + timedelta(microseconds=1))
    elsewhere = event(id="1", source="other")
    batch = [one, one, later, elsewhere, one]
    assert record_usage(events=batch, key_scope_id=acme.pk, at=AT) == IngestResult(3, 2, ())
    assert record_usage(events=batch, key_scope_id=acme.pk, at=AT) == IngestResult(0, 5, ())
    assert [model.objects.count() for model in COUNTED] == [3, 1, 1, 1]
    assert UsageDay.objects.get().requests == 3


def test_another_organisations_record_of_the_same_name_is_another_record(acme: Scope) -> None:
    globex = make_organisation("globex")
    record_usage(events=[event(id="1")], key_scope_id=acme.pk, at=AT)
    result = record_usage(events=[event(id="1", scope="globex/search")], key_scope_id=globex.pk, at=AT)
    assert result == IngestResult(1, 0, ())


def test_a_batch_has_a_limit(acme: Scope) -> None:
    with pytest.raises(operations.BatchTooLarge):
        record_usage(events=[event()] * 10_001, key_scope_id=acme.pk, at=AT)
    assert UsageRecord.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_events_from_many_threads_count_once() -> None:
    acme = make_organisation()
    events = [event(id=f"{n}", scope=("acme/search", "acme/ads", "acme/search/ranker")[n % 3]) for n in range(300)]
    shuffles = [events, events[::-1], events[150:] + events[:150], events[::3] + events[1::3] + events[2::3]]
    results: list[IngestResult] = []
    gate = threading.Barrier(len(shuffles))

    def send(batch: list[Any]) -> None:
        try:
            gate.wait()
            results.extend(
                record_usage(events=batch[start : start + 50], key_scope_id=acme.pk, at=AT)
                for start in range(0, len(batch), 50)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(batch,)) for batch in shuffles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(one.accepted for one in results), sum(one.duplicate for one in results)) == (300, 900)
    assert UsageRecord.objects.count() == 300
    minutes, hours, days, records = rolled_up()
    assert minutes == hours == days == records


calls = st.fixed_dictionaries(
    {
        "id": st.sampled_from("abcdefgh"),
        "scope": st.sampled_from(["acme", "acme/search", "acme/ads"]),
        "model": st.sampled_from(["gpt-4o", "o3", "gpt-mock"]),
        "status": st.sampled_from(["success", "success", "error"]),
        "requests": st.integers(1, 5),
        "tokens": st.builds(
            lambda fresh, cached, written, plain, reasoning: {
                "input": fresh + cached + written, "cached_input": cached, "cache_write": written,
                "output": plain + reasoning, "reasoning": reasoning,
            },
            *[st.integers(0, 10**6)] * 5,
        ),
        "gpu_seconds": st.decimals(0, 10**4, places=6),
        "occurred_at": st.integers(0, 100_000).map(lambda seconds: AT - timedelta(seconds=seconds)),
    }
)  # fmt: skip


def forget() -> None:
    with as_owner():
        for model in COUNTED:
            model.objects.all().delete()


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(calls, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_repeats_change_nothing_and_totals_are_sums(
    acme: Scope, given_calls: list[dict[str, Any]], dice: Any, size: int
) -> None:
    """Identities that differ in content are left out: which of them comes first is the sender's choice."""
    unique = {(call["id"], call["occurred_at"]): call for call in given_calls}
    events = [event(**call) for call in unique.values()]
    forget()
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    wanted = stored_sums()
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert stored_sums() == wanted
    minutes, hours, days, records = rolled_up()
    assert minutes == hours == days == records

    forget()
    again = [*events, *events]
    dice.shuffle(again)
    for start in range(0, len(again), size):
        record_usage(events=again[start : start + size], key_scope_id=acme.pk, at=AT)
    assert stored_sums() == wanted


def test_quarantine_keeps_no_value_of_a_field_it_does_not_know(acme: Scope) -> None:
    from allocation.usage.importers.native import read_json

    body = json.dumps([{"id": "x", "prompt": "the secret", "model": {"deep": "the secret"}, "a sentence": 1}]).encode()
    incoming = read_json(body, records_max=10)
    record_usage(events=[], refused=incoming.refused, key_scope_id=acme.pk, at=AT)
    kept = QuarantinedUsage.objects.get()
    assert (kept.payload, kept.dropped_fields) == ({"id": "x", "model": {}}, ["prompt", "?"])


@pytest.mark.django_db(transaction=True)
def test_batches_and_replays_crosswise_never_stand_in_each_others_way() -> None:
    acme = make_organisation()
    refused = [event(id=f"late-{number}", scope="acme/new") for number in range(40)]
    record_usage(events=refused, key_scope_id=acme.pk, at=AT)
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    fresh = [event(id=f"fresh-{number}", scope=f"acme/{('search', 'ads')[number % 2]}") for number in range(40)]
    again = [event(id=f"never-{number}", scope="acme/never") for number in range(40)]

    def work(number: int) -> None:
        if number % 3 == 0:
            replay_quarantined(actor=SYSTEM, at=AT)
        else:
            batch = [*fresh, *again]
            record_usage(events=batch if number % 2 else batch[::-1], key_scope_id=acme.pk, at=AT)

    at_once(work, 6)
    assert UsageRecord.objects.count() == 80
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 80
    assert set(QuarantinedUsage.objects.waiting().values_list("code", flat=True)) == {"scope_unknown"}
    assert QuarantinedUsage.objects.waiting().count() == 40


def test_what_no_ledger_could_hold_is_refused_alone(acme: Scope) -> None:
    apply_book(BOOK.replace('"2.00"', '"999999999"'))
    dear, cheap = ({"input": count, "output": 0} for count in (10**12, 10**6))
    found = record_usage(events=[event(tokens=dear), event(tokens=cheap)], key_scope_id=acme.pk, at=AT)
    assert [(rejection.index, rejection.code) for rejection in found.rejected] == [(0, "cost_out_of_range")]
    assert UsageRecord.objects.get().cost == Decimal(999_999_999)


def test_what_is_declared_after_the_last_event_holds_for_the_next(acme: Scope) -> None:
    for number in range(2):
        record_usage(events=[event(id=f"before {number}")], key_scope_id=acme.pk, at=AT)
    unknown = event(id="in euros", cost=Money(amount=Decimal(1), currency="EUR"))
    assert record_usage(events=[unknown], key_scope_id=acme.pk, at=AT).accepted == 0

    apply_book()
    apply_rates("EUR", "1.1")
    record_usage(events=[event(id="after")], key_scope_id=acme.pk, at=AT)
    assert record_usage(events=[unknown], key_scope_id=acme.pk, at=AT).accepted == 1

    costs = {record.event_id: (record.price_source, record.cost) for record in UsageRecord.objects.all()}
    assert costs["before 1"][0] == "genai-prices"
    assert costs["after"][0] == "pricebook:contract"
    assert costs["in euros"] == ("provider", Decimal("1.1"))


@pytest.mark.django_db(transaction=True)
def test_a_single_event_takes_few_messages(messages: list[list[str]]) -> None:
    acme = make_organisation()
    for number in range(3):
        record_usage(events=[event(id=str(number))], key_scope_id=acme.pk, at=AT, folded=False)
    messages.clear()
    with CaptureQueriesContext(connection) as captured:
        record_usage(events=[event(id="one more")], key_scope_id=acme.pk, at=AT, folded=False)
    # What is declared, under its lock, the record, and budgets, under theirs; the journal, since there is no budget.
    assert [len(statements) for statements in messages] == [7, 1]
    assert len(captured) == sum(map(len, messages)) + len(["BEGIN", "COMMIT"]), "and nothing besides"
