"""Anomalies detected in daily use, kept, and judged by people."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from allocation.anomalies import queries, tasks
from allocation.anomalies.models import Anomaly, Feedback
from allocation.anomalies.operations import DetectionCounts, detect_anomalies, give_feedback
from allocation.usage.models import IngestWatermark, UsageCharge, UsageDay
from governance.errors import DomainError, Forbidden, NotFound
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 0, 40, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = (100, 110, 105, 120, 95, 30, 20)


def used(
    scope: Scope,
    changes: Mapping[int, float] | None = None,
    *,
    model: str = "gpt-4o",
    days: int = 80,
    factor: int = 1,
    tokens_per: int = 1000,
    until: date = TODAY,
) -> None:
    """Daily use up to before `until`, of a weekly season; `changes` by days before `until`."""
    changes = changes or {}
    rows = []
    for back in range(days, 0, -1):
        day = until - DAY * back
        usual = WEEK[day.weekday()] * (100 + back * 37 % 11) * factor / 100
        cost = Decimal(str(changes.get(back, usual)))
        rows.append(day_of(scope, day, cost, tokens=int(cost * tokens_per), model=model))
    UsageDay.objects.bulk_create(row for row in rows if row.input_tokens or row.cost)


def day_of(scope: Scope, day: date, cost: Decimal, *, tokens: int, model: str = "gpt-4o") -> UsageDay:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return UsageDay(
        scope=scope, bucket=at, provider="openai", model=model, activity="inference", requests=1, errors=0,
        unpriced_requests=0, input_tokens=tokens, cached_input_tokens=0, cache_write_tokens=0, output_tokens=0,
        reasoning_tokens=0, gpu_seconds=0, cost=cost, last_occurred_at=at, last_received_at=at,
    )  # fmt: skip


def delivered(root: Scope, at: datetime = AT) -> None:
    IngestWatermark.objects.update_or_create(scope=root, defaults={"last_received_at": at})


def recorded() -> list[tuple[str, str, str, str, str, int, str]]:
    return [
        (anomaly.scope.slug, anomaly.model, anomaly.metric, f"{anomaly.first_day:%m-%d}",
         f"{anomaly.last_day:%m-%d}", anomaly.days_count, anomaly.status)
        for anomaly in Anomaly.objects.select_related("scope").order_by("first_day", "scope", "model", "metric")
    ]  # fmt: skip


@pytest.fixture
def ads(acme: Scope) -> Scope:
    return Scope.objects.get(path="acme/ads")


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
    from tests.allocation.conftest import make_organisation

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


# --- feedback -------------------------------------------------------------------------------------------------------


@pytest.fixture
def spike(acme: Scope, search: Scope) -> Anomaly:
    used(search, {1: 700})
    delivered(acme)
    detect_anomalies(at=AT)
    return Anomaly.objects.get()


def judged(anomaly: Anomaly, feedback: str, reason: str = "A load test.") -> Anomaly:
    return give_feedback(anomaly_id=anomaly.pk, feedback=Feedback(feedback), reason=reason, actor=SYSTEM, at=AT)


def test_feedback_is_signed_and_on_record_and_kept(acme: Scope, spike: Anomaly, search: Scope) -> None:
    judged(spike, "planned")
    record = DecisionRecord.objects.get(action="anomaly.judge")
    assert (record.reason, record.scope, record.evidence["feedback"]) == ("A load test.", search, "planned")
    UsageDay.objects.bulk_create([day_of(search, TODAY, Decimal(900), tokens=900_000)])
    delivered(acme, AT + DAY)
    detect_anomalies(at=AT + DAY)
    anomaly = Anomaly.objects.get()
    assert (anomaly.days_count, anomaly.feedback, anomaly.feedback_by, anomaly.feedback_at) == (
        2,
        "planned",
        SYSTEM.label,
        AT,
    )
    judged(spike, "yes", "Not the load test after all.")
    assert DecisionRecord.objects.filter(action="anomaly.judge").latest("seq").evidence["before"] == "planned"


def test_feedback_needs_a_reason_and_a_right(spike: Anomaly, client_of: Any) -> None:
    from governance.people.models import ApiKey
    from governance.people.rules import Actor

    client_of(spike.scope, "alerts:read")
    reader = Actor.of_key(ApiKey.objects.get())
    with pytest.raises(DomainError, match="Say in a sentence"):
        judged(spike, "no", " ")
    with pytest.raises(Forbidden):
        give_feedback(anomaly_id=spike.pk, feedback=Feedback.NO, reason="No.", actor=reader, at=AT)
    with pytest.raises(NotFound):
        give_feedback(anomaly_id=0, feedback=Feedback.NO, reason="No.", actor=SYSTEM, at=AT)
    assert (Anomaly.objects.get().feedback, DecisionRecord.objects.filter(action="anomaly.judge").count()) == ("", 0)


def kpis(since: date = TODAY - DAY * 30) -> Any:
    [row] = queries.anomaly_kpis(actor=SYSTEM, scope_id=None, since=since, until=TODAY)
    return row


def test_kpis(acme: Scope, search: Scope, ads: Scope) -> None:
    used(search, {9: 700, 8: 700})
    used(ads, {5: 400, 1: 500})
    delivered(acme)
    detect_anomalies(at=AT)
    long, planned, open_ = Anomaly.objects.order_by("first_day")
    assert kpis().precision is None
    judged(planned, "planned")
    judged(open_, "no")
    row = kpis()
    assert (row.organisation, row.currency, row.anomalies, row.open) == ("acme", "USD", 3, 1)
    assert (row.cost, row.planned_cost) == (long.excess_cost, planned.excess_cost)
    assert row.mean_duration_days == Decimal("1.3333")
    # Ends of the first days: 8, 4 and 0 days and 40 minutes before.
    assert row.mean_hours_to_detect == Decimal("96.6667")
    assert (row.with_feedback, row.feedback_share, row.precision) == (2, Decimal("0.6667"), Decimal("0.5"))
    assert (row.confirmed, row.planned, row.false_alarms) == (0, 1, 1)


def test_kpis_of_no_anomalies(acme: Scope) -> None:
    assert queries.anomaly_kpis(actor=SYSTEM, scope_id=None, since=TODAY, until=TODAY + DAY) == []


# --- what the database holds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"last_day": date(2026, 11, 1)},
        {"status": "closed"},
        {"feedback": "yes"},
        {"metric": "tokens"},
    ],
    ids=str,
)
def test_what_an_anomaly_cannot_be(spike: Anomaly, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Anomaly.objects.update(**change)


def test_one_is_open_of_a_series(spike: Anomaly) -> None:
    spike.pk, spike.first_day = None, spike.first_day - DAY * 3
    with pytest.raises(IntegrityError, match="anomaly_is_open_once"), transaction.atomic():
        spike.save()
