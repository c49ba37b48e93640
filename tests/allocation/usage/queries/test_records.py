from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from allocation.usage.models import Task, UsageCharge, UsageRecord
from allocation.usage.operations import record_usage
from allocation.usage.queries.records import records_called, tasks, usage_records, usage_summary
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.allocation.admin_people import person
from tests.allocation.conftest import AT, SYSTEM, event
from tests.database_owner import as_owner

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def used(acme: Scope) -> None:
    said = [
        {"id": "1", "scope": "acme/search", "cost": "1", "task_id": "t"},
        {"id": "2", "scope": "acme/search/ranker", "cost": "2", "model": "gpt-mini", "task_id": "t"},
        {"id": "3", "scope": "acme/ads", "cost": "4", "task_id": "u", "occurred_at": "2026-11-23T12:00:00Z"},
        {"id": "4", "scope": "acme/search", "cost": "8", "occurred_at": "2026-11-24T12:00:00Z"},
    ]
    events = [event(**({"occurred_at": "2026-11-10T12:00:00Z"} | each)) for each in said]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)


@pytest.fixture
def ada(search: Scope) -> Actor:
    return Actor.of_user(person("ada@example.com", "engineering", search))


def summed(group_by: str, actor: Actor = SYSTEM, scope: Scope | None = None) -> list[tuple[object, Decimal]]:
    rows = usage_summary(actor=actor, scope_id=scope.pk if scope else None, since=SINCE, until=UNTIL, group_by=group_by)
    name = {"model": "model", "scope": "scope__path", "day": "bucket"}[group_by]
    return [(row[name], row["sum_cost"]) for row in rows]


def test_whole_days_are_summed_by_model_scope_or_day(used: None, search: Scope, ada: Actor) -> None:
    assert summed("model") == [("gpt-4o", Decimal(5)), ("gpt-mini", Decimal(2))]
    assert summed("scope") == [
        ("acme/ads", Decimal(4)),
        ("acme/search", Decimal(1)),
        ("acme/search/ranker", Decimal(2)),
    ]
    assert summed("day") == [
        (datetime(2026, 11, 10, tzinfo=UTC), Decimal(3)), (datetime(2026, 11, 23, tzinfo=UTC), Decimal(4)),
    ]  # fmt: skip
    below = [("acme/search", Decimal(1)), ("acme/search/ranker", Decimal(2))]
    assert summed("scope", scope=search) == summed("scope", actor=ada) == below


def test_a_term_is_an_event_a_task_a_session_or_a_model_exactly(used: None, acme: Scope) -> None:
    record_usage(
        events=[
            event(id="5", scope="acme/ads", cost="1", session_id="GPT-mini"),
            event(id="u", scope="acme", cost="1"),
        ],
        key_scope_id=acme.pk,
        at=AT,
    )

    def found(term: str) -> list[str]:
        return sorted(records_called(UsageRecord.objects.all(), term).values_list("event_id", flat=True))

    assert (found("4"), found("t"), found("GPT-mini"), found("gpt-mini")) == (["4"], ["1", "2"], ["5"], ["2"])
    assert (found("u"), found("GPT-MINI"), found("")) == (["3", "u"], [], [])


def test_a_days_records_are_its_own_and_those_of_closed_months_that_came_on_it(used: None, acme: Scope) -> None:
    day = datetime(2026, 11, 23, tzinfo=UTC)
    with as_owner():
        UsageRecord.objects.filter(event_id="1").update(booked_at=day)
        UsageRecord.objects.filter(event_id="3").update(booked_at=day + timedelta(days=1))

    def booked(on: datetime) -> list[str]:
        return sorted(UsageRecord.objects.booked_on(on.date()).values_list("event_id", flat=True))

    assert [booked(day + timedelta(days=days)) for days in (-13, 0, 1, 2)] == [["2"], ["1"], ["3", "4"], []]


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (UsageCharge.objects.order_by("-day", "-id")[:100], "usage_charge_newest"),
        (Task.objects.order_by("-first_occurred_at", "-id")[:100], "task_newest"),
        (UsageRecord.objects.filter(booked_at__gte=AT), "booked_at_idx"),
    ],
)
def test_a_list_has_an_index_in_its_order(used: None, rows: QuerySet[Any], index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
    assert index in rows.explain()


def test_records_are_of_a_scope_or_of_all_below_it_too(used: None, acme: Scope, search: Scope, ada: Actor) -> None:
    def found(actor: Actor = SYSTEM, scope_id: int | None = None, *, below: bool = True) -> list[str]:
        records = usage_records(actor=actor, scope_id=scope_id, below=below)
        return sorted(records.values_list("event_id", flat=True))

    assert found() == found(scope_id=acme.pk) == ["1", "2", "3", "4"]
    assert found(scope_id=search.pk) == found(ada) == ["1", "2", "4"]
    assert found(scope_id=search.pk, below=False) == ["1", "4"]
    assert found(scope_id=acme.pk, below=False) == []
    assert found(Actor(label="nobody")) == []


def test_tasks_are_of_the_scope_of_their_first_call(used: None, acme: Scope, search: Scope, ada: Actor) -> None:
    def found(actor: Actor = SYSTEM, scope_id: int | None = None) -> list[str]:
        return sorted(tasks(actor=actor, scope_id=scope_id).values_list("task_id", flat=True))

    assert found() == found(scope_id=acme.pk) == ["t", "u"]
    assert found(scope_id=search.pk) == found(ada) == ["t"]
    assert found(Actor(label="nobody")) == []
