"""Anomalies detected in daily use, kept, and judged by people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections

from allocation.anomalies import tasks
from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import DetectionCounts, detect_anomalies
from allocation.anomalies.queries import DETECTION_HEARTBEAT
from allocation.usage.models import UsageCharge, UsageDay
from governance.scopes.models import Scope
from governance.work.models import Heartbeat
from tests.allocation.anomalies.daily import AT, DAY, TODAY, day_of, delivered, judged, kpis, recorded, used
from tests.allocation.conftest import make_organisation
from tests.database_owner import as_owner

pytestmark = pytest.mark.django_db


def test_nothing_unusual_is_no_anomaly(acme: Scope, search: Scope) -> None:
    used(search)
    delivered(acme)
    assert detect_anomalies(at=AT) == DetectionCounts(series=1)
    assert recorded() == []


def test_a_spike_is_detected_once_and_detecting_again_changes_nothing(acme: Scope, search: Scope, ads: Scope) -> None:
    used(search, {3: 700})
    used(ads)
    delivered(acme)
    assert detect_anomalies(at=AT) == DetectionCounts(series=2, opened=1)
    before = Anomaly.objects.values().get()
    assert recorded() == [("search", "gpt-4o", "cost", "11-21", "11-21", 1, "closed")]
    assert (before["observed"], before["score"] > 10, before["detected_at"]) == (700, True, AT)
    assert before["excess_cost"] == before["observed"] - before["expected"]
    assert before["reason"].startswith("700.00 on 2026-11-21; ")
    assert detect_anomalies(at=AT + timedelta(hours=6)) == DetectionCounts(series=2)
    assert Anomaly.objects.values().get() == before


def test_days_in_a_row_are_one_that_stays_open_until_a_usual_day(acme: Scope, search: Scope) -> None:
    used(search, {2: 700, 1: 800})
    delivered(acme)
    detect_anomalies(at=AT)
    assert recorded() == [("search", "gpt-4o", "cost", "11-22", "11-23", 2, "open")]
    UsageDay.objects.bulk_create([day_of(search, TODAY, Decimal(900), tokens=900_000)])
    delivered(acme, AT + DAY)
    assert detect_anomalies(at=AT + DAY) == DetectionCounts(series=1, changed=1)
    assert recorded() == [("search", "gpt-4o", "cost", "11-22", "11-24", 3, "open")]
    UsageDay.objects.bulk_create([day_of(search, TODAY + DAY, Decimal(105), tokens=105_000)])
    delivered(acme, AT + DAY * 2)
    assert detect_anomalies(at=AT + DAY * 2) == DetectionCounts(series=1, closed=1)
    anomaly = Anomaly.objects.get()
    assert (anomaly.status, anomaly.closed_at, anomaly.detected_at, anomaly.observed) == (
        "closed",
        AT + DAY * 2,
        AT,
        2400,
    )


def test_no_data_is_not_good_news(acme: Scope, search: Scope) -> None:
    """The feed went silent: the open anomaly is held, and the days are not taken for zeros."""
    used(search, {1: 700})
    delivered(acme)
    detect_anomalies(at=AT)
    assert detect_anomalies(at=AT + DAY * 3) == DetectionCounts(series=1)
    assert recorded() == [("search", "gpt-4o", "cost", "11-23", "11-23", 1, "open")]
    delivered(acme, AT + DAY * 3)
    assert detect_anomalies(at=AT + DAY * 3) == DetectionCounts(series=1)
    assert Anomaly.objects.open().count() == 1


def test_a_day_is_judged_when_something_came_after_it(acme: Scope, search: Scope) -> None:
    used(search, {1: 700})
    delivered(acme, AT - timedelta(hours=1))
    assert detect_anomalies(at=AT) == DetectionCounts(series=1)
    delivered(acme)
    assert detect_anomalies(at=AT) == DetectionCounts(series=1, opened=1)


def test_an_idle_scope_ends_its_anomaly_when_others_go_on(acme: Scope, search: Scope, ads: Scope) -> None:
    used(search, {1: 700})
    used(ads, until=TODAY + DAY)
    delivered(acme, AT + DAY)
    detect_anomalies(at=AT)
    assert Anomaly.objects.open().count() == 1
    detect_anomalies(at=AT + DAY)
    assert recorded() == [("search", "gpt-4o", "cost", "11-23", "11-23", 1, "closed")]


def test_late_usage_changes_known_anomalies(acme: Scope, search: Scope) -> None:
    used(search, {3: 700})
    delivered(acme)
    detect_anomalies(at=AT)
    UsageDay.objects.filter(bucket__date=TODAY - DAY * 2).update(cost=650)
    assert detect_anomalies(at=AT) == DetectionCounts(series=1, changed=1)
    assert recorded() == [("search", "gpt-4o", "cost", "11-21", "11-22", 2, "closed")]


def test_a_rise_is_reported_once(acme: Scope, search: Scope) -> None:
    """As cost rather than as tokens, and of the model rather than of all models."""
    used(search, {1: 700})
    used(search, model="gpt-4o-mini")
    delivered(acme)
    assert detect_anomalies(at=AT) == DetectionCounts(series=3, opened=1)
    assert [row[1:3] for row in recorded()] == [("gpt-4o", "cost")]


def test_a_new_model_is_seen_in_the_sum_of_all_models(acme: Scope, search: Scope) -> None:
    used(search)
    UsageDay.objects.bulk_create([day_of(search, TODAY - DAY, Decimal(900), tokens=900_000, model="gpt-6")])
    delivered(acme)
    detect_anomalies(at=AT)
    assert [row[:4] for row in recorded()] == [("search", "", "cost", "11-23")]


def test_tokens_without_a_price_are_watched_as_tokens(acme: Scope, search: Scope) -> None:
    used(search, days=80, tokens_per=100_000)
    UsageDay.objects.update(cost=0)
    UsageDay.objects.filter(bucket__date=TODAY - DAY).update(input_tokens=90_000_000)
    delivered(acme)
    detect_anomalies(at=AT)
    [anomaly] = Anomaly.objects.all()
    assert (anomaly.metric, anomaly.observed, anomaly.excess_cost) == ("tokens", 90_000_000, 0)


def test_another_organisations_feed_is_its_own(acme: Scope, search: Scope) -> None:
    globex = make_organisation("globex")
    used(Scope.objects.get(path="globex/search"), {1: 700})
    used(search, {1: 700})
    delivered(globex)
    detect_anomalies(at=AT)
    assert [anomaly.scope.path for anomaly in Anomaly.objects.all()] == ["globex/search"]


def test_the_task_looks_at_the_clock(acme: Scope, search: Scope, time_machine_at: Callable[[datetime], Any]) -> None:
    used(search, {1: 700})
    delivered(acme)
    with time_machine_at(AT):
        tasks.detect_anomalies()
    assert Anomaly.objects.get().detected_at == AT


@pytest.fixture
def time_machine_at() -> Callable[[datetime], Any]:
    import time_machine

    return lambda at: time_machine.travel(at, tick=False)


def test_a_correction_of_a_closed_period_is_no_use_of_the_day_it_is_booked_on(acme: Scope, search: Scope) -> None:
    used(search, {1: 100})
    UsageDay.objects.filter(bucket__date=TODAY - DAY).update(cost=700)
    delivered(acme)
    booked: dict[str, Any] = {"scope": search, "day": TODAY - DAY, "provider": "openai", "model": "gpt-4o"}
    UsageCharge.objects.create(
        **booked, activity="inference", service_tier="standard", price_source="adjustment", charge_class="Correction",
        meter="adjustment", requests=0, quantity=0, list_cost=600, contracted_cost=600, effective_cost=600,
        billed_cost=600,
    )  # fmt: skip
    assert detect_anomalies(at=AT) == DetectionCounts(series=1)


@pytest.mark.django_db(transaction=True)
def test_looking_at_once_from_many_sides_opens_one(acme: Scope, search: Scope) -> None:
    used(search, {1: 700})
    delivered(acme)

    def look(_number: int) -> int:
        try:
            return detect_anomalies(at=AT).opened
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(look, range(8))) == [0, 0, 0, 0, 0, 0, 0, 1]
    assert Anomaly.objects.count() == 1


# --- a scope that begins ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cost", "opened"), [(30, 1), (20, 0)])
def test_a_new_scope_is_told_of_from_a_quarter_of_the_organisations_day(
    acme: Scope, search: Scope, ads: Scope, cost: int, opened: int
) -> None:
    used(search)
    UsageDay.objects.bulk_create([day_of(ads, TODAY - DAY, Decimal(cost), tokens=cost * 1000)])
    delivered(acme)
    counts = detect_anomalies(at=AT)
    assert (counts.opened, counts.failed) == (opened, ())


# --- month days -------------------------------------------------------------------------------------------------------


def month_ends(search: Scope, cost: int) -> None:
    """A batch on the last working day of each month."""
    used(search, days=200, until=date(2026, 12, 1))
    for day in (date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 30), date(2026, 11, 30)):
        UsageDay.objects.filter(bucket__date=day).update(cost=cost)


def test_the_batch_at_the_end_of_each_month_is_known_from_the_third_on(acme: Scope, search: Scope) -> None:
    month_ends(search, 700)
    delivered(acme, datetime(2026, 12, 1, 1, tzinfo=UTC))
    for day in (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)):
        detect_anomalies(at=datetime(day.year, day.month, day.day, 1, tzinfo=UTC))
    assert [row[3] for row in recorded()] == ["07-31", "08-31"]


def test_a_batch_that_was_planned_is_known_the_next_month(acme: Scope, search: Scope) -> None:
    month_ends(search, 700)
    delivered(acme, datetime(2026, 12, 1, 1, tzinfo=UTC))
    detect_anomalies(at=datetime(2026, 8, 1, 1, tzinfo=UTC))
    judged(Anomaly.objects.get(), "planned")
    detect_anomalies(at=datetime(2026, 9, 1, 1, tzinfo=UTC))
    assert [row[3] for row in recorded()] == ["07-31"]


def test_a_batch_three_times_its_usual_size_is_told(acme: Scope, search: Scope) -> None:
    month_ends(search, 700)
    UsageDay.objects.filter(bucket__date=date(2026, 11, 30)).update(cost=2500)
    delivered(acme, datetime(2026, 12, 1, 1, tzinfo=UTC))
    detect_anomalies(at=datetime(2026, 12, 1, 1, tzinfo=UTC))
    [anomaly] = Anomaly.objects.all()
    assert " and this day of 3 earlier month(s)" in anomaly.reason


# --- organisations, and days that are past --------------------------------------------------------------------------


def test_a_fault_in_one_organisation_stops_no_other_and_is_told_once(
    acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    globex = make_organisation("globex")
    used(Scope.objects.get(path="globex/search"), {1: 700})
    delivered(globex)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE allocation_anomaly ADD CONSTRAINT not_here CHECK (scope_id <> %s)", [search.pk])
    used(search, {1: 700})
    delivered(acme)
    counts = detect_anomalies(at=AT)
    assert (counts.opened, counts.failed) == (1, ("acme",))
    assert [anomaly.scope.path for anomaly in Anomaly.objects.all()] == ["globex/search"]
    detect_anomalies(at=AT + timedelta(hours=6))
    assert [record.message for record in caplog.records] == ["anomalies of acme could not be looked for"]
    heartbeat = Heartbeat.objects.get(name=DETECTION_HEARTBEAT)
    assert (heartbeat.beat_at, heartbeat.detail) == (AT + timedelta(hours=6), "acme")


def test_the_past_is_looked_at_as_on_each_of_its_days(acme: Scope, search: Scope, ads: Scope) -> None:
    used(search, {150: 700, 60: 800, 3: 700}, days=300)
    used(ads, days=300)
    delivered(acme)
    told: list[tuple[str, int]] = []
    counts = detect_anomalies(at=AT, since=TODAY - DAY * 200, progress=lambda *step: told.append(step))
    assert [row[3] for row in recorded()] == ["06-27", "09-25", "11-21"]
    assert (counts.opened, told[-1]) == (3, ("acme", 5))
    before = list(Anomaly.objects.values())
    assert detect_anomalies(at=AT, since=TODAY - DAY * 200).opened == 0
    assert list(Anomaly.objects.values()) == before
    assert kpis(TODAY - DAY * 200).mean_hours_to_detect == Decimal("48.6667")
