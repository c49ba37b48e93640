"""People's feedback on anomalies, and the figures it leads to."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from allocation.anomalies import queries
from allocation.anomalies.models import Anomaly, Feedback
from allocation.anomalies.operations import detect_anomalies, give_feedback
from allocation.usage.models import UsageDay
from governance.errors import DomainError, Forbidden, NotFound
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.anomalies.daily import AT, DAY, TODAY, day_of, delivered, judged, kpis, used
from tests.allocation.conftest import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def spike(acme: Scope, search: Scope) -> Anomaly:
    used(search, {1: 700})
    delivered(acme)
    detect_anomalies(at=AT)
    return Anomaly.objects.get()


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
