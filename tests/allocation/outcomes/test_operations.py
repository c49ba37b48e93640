import itertools
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from allocation.attribution.models import AttributionRuleSet
from allocation.outcomes.documents import READ_OUTCOME, OutcomeEvent
from allocation.outcomes.models import Outcome, OutcomeDay
from allocation.outcomes.operations import record_outcomes
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_early_outcomes, replay_quarantined
from allocation.usage.models import ImportRun
from allocation.usage.operations import IngestResult, record_usage
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, Client, event, make_organisation, numbers

SUMMED = ("count", "successful", "flagged", "value", "quality_sum", "quality_count")


def outcome(**changes: Any) -> dict[str, Any]:
    return {
        "id": f"ticket-{next(numbers)}",
        "source": "helpdesk",
        "occurred_at": "2026-11-24T12:00:00Z",
        "scope": "acme/search",
        "name": "ticket_resolved",
        "success": True,
    } | changes


def typed(**changes: Any) -> OutcomeEvent:
    return READ_OUTCOME(json.dumps(outcome(**changes)).encode())


def record(root: Scope, *events: OutcomeEvent, at: datetime = AT) -> IngestResult:
    return record_outcomes(events=events, key_scope_id=root.pk, at=at)


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


def test_an_outcome_that_came_early_is_tried_again_by_itself_for_three_days(acme: Scope) -> None:
    record(acme, typed(scope=None, task_ids=["t1"]), typed(scope=None, task_ids=["t2"]), typed(scope="acme/nowhere"))
    assert replay_early_outcomes(at=AT).remaining == {"task_unknown": 2}
    record_usage(events=[event(task_id="t1")], key_scope_id=acme.pk, at=AT)
    later = replay_early_outcomes(at=AT + timedelta(minutes=5))
    assert (later.accepted, later.remaining) == (1, {"task_unknown": 1})
    assert OutcomeDay.objects.get().count == 1
    record_usage(events=[event(task_id="t2")], key_scope_id=acme.pk, at=AT)
    assert replay_early_outcomes(at=AT + timedelta(days=4)).accepted == 0


def test_a_key_of_a_team_reports_for_its_own_tasks_only(acme: Scope) -> None:
    ads = Scope.objects.get(path="acme/ads")
    record_usage(events=[event(task_id="t1")], key_scope_id=acme.pk, at=AT)
    of_task = record_outcomes(events=[typed(scope=None, task_ids=["t1"])], key_scope_id=ads.pk, at=AT)
    of_scope = record_outcomes(events=[typed()], key_scope_id=ads.pk, at=AT)
    assert [each.code for each in (*of_task.rejected, *of_scope.rejected)] == ["scope_forbidden"] * 2
    assert not Outcome.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        pytest.param({"name": "The customer said thanks"}, "invalid_text", "name", id="a sentence for a name"),
        pytest.param({"comment": "great"}, "unknown_field", "comment", id="free text"),
        pytest.param({"safety_flags": ["he said no"]}, "invalid_text", "safety_flags", id="text as a flag"),
        pytest.param({"quality_score": "1.01"}, "out_of_range", "quality_score", id="better than all"),
        pytest.param({"quantity": 0}, "out_of_range", "quantity", id="none of them"),
        pytest.param({"kind": "wish"}, "unknown_value", "kind", id="another kind"),
        pytest.param({"value": {"amount": "-1", "currency": "USD"}}, "out_of_range", "value", id="a loss"),
        pytest.param({"value": {"amount": "1", "currency": "EUR"}}, "currency_mismatch", "value.currency", id="euros"),
        pytest.param({"occurred_at": "2026-11-24"}, "invalid_time", "occurred_at", id="a day"),
        pytest.param({"occurred_at": "2026-12-24T00:00:00Z"}, "occurred_in_future", "occurred_at", id="tomorrow"),
        pytest.param({"scope": "acme/nowhere"}, "scope_unknown", "scope", id="no such scope"),
    ],
)
def test_what_is_no_outcome_is_quarantined_with_its_reason_and_no_text(
    acme: Scope, client_of: Client, time_machine: Any, changes: dict[str, Any], code: str, field: str
) -> None:
    time_machine.move_to(AT, tick=False)
    answer = client_of(acme).post("/api/v1/outcomes", [outcome(**changes), outcome()], format="json")
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [(each["index"], each["code"], each["field"]) for each in answer.json()["rejected"]] == [(0, code, field)]
    kept = QuarantinedUsage.objects.get()
    assert (kept.source_format, kept.code) == ("outcome", code)
    assert "great" not in json.dumps(kept.payload)


def test_success_is_said_and_not_supposed(acme: Scope, client_of: Client) -> None:
    silent = outcome()
    del silent["success"]
    answer = client_of(acme).post("/api/v1/outcomes", silent, format="json").json()
    assert [(each["code"], each["field"]) for each in answer["rejected"]] == [("missing_field", "success")]


def test_array_object_and_lines_over_http(acme: Scope, client_of: Client) -> None:
    http: APIClient = client_of(acme)
    now = timezone.now().isoformat()
    fresh = [json.dumps(outcome(occurred_at=now)).encode() for _ in range(4)]
    answers = [
        http.generic("POST", "/api/v1/outcomes", body, kind)
        for body, kind in (
            (b"[" + fresh[0] + b"," + fresh[1] + b"]", "application/json"),
            (fresh[2], "application/json"),
            (fresh[3] + b"\n\n" + fresh[0] + b"\n", "application/x-ndjson"),
            (b"\n", "application/x-ndjson"),
            (fresh[0], "text/plain"),
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 415]
    assert [(answer.json()["accepted"], answer.json()["duplicate"]) for answer in answers[:3]] == [
        (2, 0),
        (1, 0),
        (1, 1),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_is_narrowed_and_costs_the_same_for_one_and_three(acme: Scope, client_of: Client, count: int) -> None:
    record(acme, *(typed(task_ids=["t1"]) for _ in range(count)), typed(success=False), typed(scope="acme/ads"))
    http = client_of(acme)
    query = "scope=acme/search&from=2026-11-24&to=2026-11-25&success=true&name=ticket_resolved&task_id=t1"
    http.get(f"/api/v1/outcomes?{query}")
    with CaptureQueriesContext(connection) as queries:
        rows = http.get(f"/api/v1/outcomes?{query}").json()["results"]
    assert [(row["scope"], row["success"], row["task_ids"]) for row in rows] == [("acme/search", True, ["t1"])] * count
    assert len(queries) == 6
    assert http.get("/api/v1/outcomes?to=2026-11-24").json()["results"] == []


def test_the_database_keeps_outcomes_as_they_came(acme: Scope) -> None:
    record(acme, typed())
    with pytest.raises(Error), transaction.atomic():
        Outcome.objects.update(quantity=5)
    with pytest.raises(Error), transaction.atomic():
        Outcome.objects.all().delete()
    assert Outcome.objects.get().quantity == 1


HEAD = (
    "id,source,occurred_at,name,scope,success,quantity,quality_score,safety_flags,task_ids,value.amount,value.currency"
)
CSV = f"""{HEAD}
1,crm,2026-11-24T10:00:00Z,sale,acme/ads,yes,2,0.5,pii; refused,t1;t2,19.90,USD
2,crm,2026-11-24T10:00:00Z,sale,acme/ads,no,,,,,,
3,crm,2026-11-24T10:00:00Z,sale,acme/ads,maybe,,,,,,
"""


def test_a_csv_file_and_json_lines_mean_the_same(
    acme: Scope, tmp_path: Path, capsys: pytest.CaptureFixture[str], time_machine: Any
) -> None:
    time_machine.move_to(AT, tick=False)
    table, lines = tmp_path / "sales.csv", tmp_path / "sales.jsonl"
    table.write_text(CSV)
    first = outcome(
        id="1", source="crm", occurred_at="2026-11-24T10:00:00Z", name="sale", scope="acme/ads", quantity=2,
        quality_score="0.5", safety_flags=["pii", "refused"], task_ids=["t1", "t2"],
        value={"amount": "19.90", "currency": "USD"},
    )  # fmt: skip
    lines.write_text(json.dumps(first) + "\n" + json.dumps(outcome(occurred_at="2026-11-24T10:00:00Z")))
    for path in (table, lines, table):
        call_command("outcomes", "import", str(path), "--scope", "acme")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "sales.csv: 3 outcomes read, 2 accepted, 0 there already, 1 quarantined.",
        "sales.jsonl: 2 outcomes read, 1 accepted, 1 there already, 0 quarantined.",
        "sales.csv: 3 outcomes read, 0 accepted, 2 there already, 1 quarantined.",
    ]
    kept = Outcome.objects.get(event_id="1")
    assert (kept.quantity, kept.value, kept.safety_flags, kept.task_ids) == (
        2, Decimal("19.9"), ["pii", "refused"], ["t1", "t2"],
    )  # fmt: skip
    assert [run.status for run in ImportRun.objects.all()] == ["finished"] * 3


def test_an_outcome_of_a_closed_month_counts_when_it_comes(acme: Scope) -> None:
    from allocation.billing_periods.operations import close_period

    october = datetime(2026, 10, 31, 23, tzinfo=UTC)
    record(acme, typed(occurred_at=october.isoformat()))
    close_period(organisation=acme, month=date(2026, 10, 1), actor=SYSTEM, reason="Books are closed.", at=AT)
    record(acme, typed(occurred_at=october.isoformat()), at=AT + timedelta(seconds=1))
    assert [(day, count) for _, day, _, _, count, *_ in days()] == [(date(2026, 10, 31), 1), (date(2026, 11, 24), 1)]
