import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation.attribution.models import AttributionRuleSet
from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.models import Outcome, OutcomeDay
from allocation.outcomes.operations import record_outcomes
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.operations import record_usage
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation
from tests.allocation.outcomes.reported import record, typed

SUMMED = ("count", "successful", "flagged", "value", "quality_sum", "quality_count")


def days() -> list[tuple[Any, ...]]:
    return sorted(OutcomeDay.objects.values_list("scope__path", "day", "kind", "name", *SUMMED))


def test_outcomes_are_summed_by_scope_day_kind_and_name(acme: Scope) -> None:
    eur = {"amount": "12.50", "currency": "USD"}
    record(
        acme,
        typed(value=eur, quality_score="0.8", quantity=2),
        typed(success=False, quality_score="0.25", safety_flags=["refused", "pii"]),
        typed(kind="action", name="refund_issued"),
        typed(occurred_at="2026-11-24T01:30:00+02:00"),
    )
    assert days() == [
        ("acme/search", date(2026, 11, 23), "outcome", "ticket_resolved", 1, 1, 0, 0, 0, 0),
        ("acme/search", date(2026, 11, 24), "action", "refund_issued", 1, 1, 0, 0, 0, 0),
        ("acme/search", date(2026, 11, 24), "outcome", "ticket_resolved", 3, 2, 1, Decimal("12.5"), Decimal("1.85"), 3),
    ]


def test_a_replay_changes_nothing(acme: Scope) -> None:
    batch = [typed(), typed(success=False)]
    first = record(acme, *batch)
    before = days()
    again = record(acme, *batch, batch[0])
    assert (first.accepted, first.duplicate, again.accepted, again.duplicate) == (2, 0, 0, 3)
    assert days() == before
    assert Outcome.objects.count() == 2


def test_the_same_id_at_another_instant_or_from_another_source_is_another_outcome(acme: Scope) -> None:
    one = typed(id="1")
    record(acme, one, typed(id="1", source="crm"), typed(id="1", occurred_at="2026-11-24T12:00:01Z"))
    assert Outcome.objects.count() == 3


def test_two_organisations_keep_their_outcomes_apart(acme: Scope) -> None:
    globex = make_organisation("globex")
    assert [record(acme, typed(id="1")).accepted, record(globex, typed(id="1", scope="globex/search")).accepted] == [
        1,
        1,
    ]


EVENTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", "3", "4"]),
        "name": st.sampled_from(["ticket_resolved", "sale"]),
        "kind": st.sampled_from(["outcome", "action"]),
        "scope": st.sampled_from(["acme/search", "acme/ads"]),
        "occurred_at": st.sampled_from(["2026-11-23T23:59:59Z", "2026-11-24T00:00:00Z"]),
        "success": st.booleans(),
        "quantity": st.integers(1, 5),
        "quality_score": st.sampled_from([None, "0", "0.333333", "1"]),
        "value": st.sampled_from([None, {"amount": "0.000000001", "currency": "USD"}]),
        "safety_flags": st.sampled_from([[], ["refused"]]),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(EVENTS, max_size=8, unique_by=lambda each: (each["id"], each["occurred_at"])),
    order=st.randoms(),
    cuts=st.lists(st.integers(0, 8), max_size=3),
)
def test_neither_order_nor_batches_nor_repeats_change_the_sums(
    acme: Scope, documents: list[dict[str, Any]], order: Any, cuts: list[int]
) -> None:
    events = [typed(**each) for each in documents]
    shuffled: Sequence[OutcomeEvent] = order.sample(events, len(events))
    bounds = [0, *sorted(cuts), len(events)]
    with transaction.atomic():
        record(acme, *events)
        at_once = days()
        transaction.set_rollback(True)
    with transaction.atomic():
        for start, end in itertools.pairwise(bounds):
            record(acme, *shuffled[start:end])
            record(acme, *shuffled[: end // 2])
        in_parts = days()
        transaction.set_rollback(True)
    assert in_parts == at_once


def test_an_outcome_goes_where_its_attributes_lead(acme: Scope, search: Scope) -> None:
    rules = AttributionRuleSet.objects.create(
        name="by-team", version=1, organisation=acme, digest="0", document={}, applied_at=AT, applied_by="test"
    )
    rules.rules.create(position=0, name="search", when={"team": "search"}, scope=search)
    record(acme, typed(scope=None, attributes={"team": "search"}), typed(scope=None, attributes={"team": "?"}))
    assert sorted(Outcome.objects.values_list("scope__path", "attribution")) == [
        ("acme/search", "by-team:search"),
        ("acme/unattributed", "unattributed"),
    ]


def test_rules_that_ask_of_calls_are_asked_of_outcomes_too(acme: Scope, search: Scope) -> None:
    rules = AttributionRuleSet.objects.create(
        name="by-work", version=1, organisation=acme, digest="0", document={}, applied_at=AT, applied_by="test"
    )
    asked = 'source == "helpdesk" && operation == "outcome" && provider == "" && model == ""'
    rules.rules.create(position=0, name="desk", when={}, condition=asked, scope=search)
    record(acme, typed(scope=None), typed(scope=None, source="shop"))
    assert sorted(Outcome.objects.values_list("scope__path", "source")) == [
        ("acme/search", "helpdesk"), ("acme/unattributed", "shop"),
    ]  # fmt: skip


def test_an_outcome_of_a_task_goes_to_its_scope_and_waits_for_it_where_it_comes_first(acme: Scope) -> None:
    early = typed(scope=None, task_ids=["t1"])
    refused = record(acme, early)
    assert [(each.code, each.field) for each in refused.rejected] == [("task_unknown", "task_ids")]
    waiting = QuarantinedUsage.objects.get()
    assert (waiting.source_format, waiting.payload["task_ids"]) == ("outcome", ["t1"])
    assert replay_quarantined(actor=SYSTEM, at=AT).remaining == {"task_unknown": 1}

    record_usage(events=[event(task_id="t1")], key_scope_id=acme.pk, at=AT)
    dry = replay_quarantined(actor=SYSTEM, at=AT, dry_run=True)
    assert (dry.accepted, Outcome.objects.count()) == (1, 0)
    assert replay_quarantined(actor=SYSTEM, at=AT).accepted == 1
    assert Outcome.objects.values_list("scope__path", "attribution").get() == ("acme/search", "task")
    assert not QuarantinedUsage.objects.waiting().exists()
    assert DecisionRecord.objects.filter(action="usage.replay").count() == 1
    assert record(acme, early).duplicate == 1


def test_a_key_of_a_team_reports_for_its_own_tasks_only(acme: Scope) -> None:
    ads = Scope.objects.get(path="acme/ads")
    record_usage(events=[event(task_id="t1")], key_scope_id=acme.pk, at=AT)
    of_task = record_outcomes(events=[typed(scope=None, task_ids=["t1"])], key_scope_id=ads.pk, at=AT)
    of_scope = record_outcomes(events=[typed()], key_scope_id=ads.pk, at=AT)
    assert [each.code for each in (*of_task.rejected, *of_scope.rejected)] == ["task_unknown", "scope_unknown"]
    assert not Outcome.objects.exists()


def test_an_outcome_of_a_closed_month_counts_when_it_comes(acme: Scope) -> None:
    from allocation.billing_periods.operations import close_period

    october = datetime(2026, 10, 31, 23, tzinfo=UTC)
    record(acme, typed(occurred_at=october.isoformat()))
    close_period(organisation=acme, month=date(2026, 10, 1), actor=SYSTEM, reason="Books are closed.", at=AT)
    record(acme, typed(occurred_at=october.isoformat()), at=AT + timedelta(seconds=1))
    assert [(day, count) for _, day, _, _, count, *_ in days()] == [(date(2026, 10, 31), 1), (date(2026, 11, 24), 1)]
