"""Rises that last: one anomaly until it is over or accepted."""

from decimal import Decimal

import pytest
from django.db.models import F

from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import detect_anomalies
from allocation.usage.models import UsageDay
from governance.scopes.models import Scope
from tests.allocation.anomalies.daily import AT, DAY, TODAY, day_of, delivered, judged, recorded, used

pytestmark = pytest.mark.django_db


def test_a_lasting_rise_beside_one_that_is_over_and_forgotten_stops_nothing(
    acme: Scope, search: Scope, ads: Scope
) -> None:
    """What is judged again reaches as far back as the rise that lasts; the other ended before what was remembered."""
    used(ads, {40: 900})
    used(search, dict.fromkeys(range(1, 46), 700))
    delivered(acme)
    detect_anomalies(at=AT - DAY * 38)
    for back in range(36, -1, -4):
        assert detect_anomalies(at=AT - DAY * back).failed == ()
    assert recorded() == [
        ("search", "gpt-4o", "cost", "10-10", "11-23", 45, "open"),
        ("ads", "gpt-4o", "cost", "10-15", "10-15", 1, "closed"),
    ]


def regression(search: Scope, *, days: int) -> None:
    """Twice as much since so many days."""
    used(search, days=120)
    UsageDay.objects.filter(bucket__date__gte=TODAY - DAY * days).update(cost=F("cost") * 2)


def test_a_lasting_rise_is_one_open_anomaly_until_it_is_accepted(acme: Scope, search: Scope) -> None:
    regression(search, days=60)
    delivered(acme)
    counts = [detect_anomalies(at=AT - DAY * back) for back in range(59, 10, -7)]
    assert ([count.opened for count in counts], sum(count.closed for count in counts)) == ([1, *[0] * 6], 0)
    anomaly = Anomaly.objects.get()
    judged(anomaly, "accepted", "The new agent is worth it.")
    anomaly.refresh_from_db()
    assert (anomaly.status, anomaly.closed_at, anomaly.accepted_at) == ("closed", AT, AT)
    counts = [detect_anomalies(at=AT - DAY * back) for back in range(10, -1, -2)]
    assert [(count.opened, count.changed, count.closed) for count in counts] == [(0, 0, 0)] * 6
    assert Anomaly.objects.values().get()["last_day"] == anomaly.last_day


def test_what_rises_above_an_accepted_level_is_told(acme: Scope, search: Scope) -> None:
    regression(search, days=60)
    UsageDay.objects.filter(bucket__date=TODAY - DAY).update(cost=900)
    delivered(acme)
    for back in (50, 10):
        detect_anomalies(at=AT - DAY * back)
    judged(Anomaly.objects.get(), "accepted")
    detect_anomalies(at=AT)
    assert [row[3] for row in recorded()] == ["09-25", "11-23"]


def test_a_model_that_is_told_of_hides_no_other_in_the_sum_of_all(acme: Scope, search: Scope) -> None:
    used(search, dict.fromkeys(range(1, 6), 900))
    used(search, model="gpt-4o-mini")
    UsageDay.objects.bulk_create(
        [day_of(search, TODAY - DAY * back, Decimal(800), tokens=800_000, model="gpt-6") for back in (2, 1)]
    )
    delivered(acme)
    detect_anomalies(at=AT)
    assert [row[1:6] for row in recorded()] == [
        ("gpt-4o", "cost", "11-19", "11-23", 5),
        ("", "cost", "11-22", "11-23", 2),
    ]
    assert Anomaly.objects.get(model="").reason.endswith(" Most of it is gpt-6, which was not used before.")
