"""Anomalies as API and admin show them."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client

from allocation.anomalies.models import Anomaly
from allocation.anomalies.operations import detect_anomalies
from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from tests.allocation.anomalies.daily import AT, DAY, TODAY, delivered, used

pytestmark = pytest.mark.django_db


@pytest.fixture
def spikes(acme: Scope, search: Scope) -> list[Anomaly]:
    used(search, {9: 700, 8: 700, 1: 1234.5})
    delivered(acme)
    detect_anomalies(at=AT)
    return list(Anomaly.objects.order_by("first_day"))


def test_the_list_is_filtered_and_leads_to_the_records(acme: Scope, spikes: list[Anomaly], client_of: Any) -> None:
    http = client_of(acme, "alerts:read")
    [newest, oldest] = http.get("/api/v1/anomalies").json()["results"]
    assert (newest["first_day"], newest["observed"], newest["status"]) == ("2026-11-23", "1234.500000000", "open")
    assert newest["time_to_detect_seconds"] == 40 * 60
    assert (oldest["duration_days"], oldest["feedback"]) == (2, "")
    query = parse_qs(urlsplit(oldest["records"]).query)
    assert query == {
        "scope": ["acme/search"], "since": ["2026-11-15T00:00:00Z"], "until": ["2026-11-17T00:00:00Z"],
        "provider": ["openai"], "model": ["gpt-4o"], "below": ["false"],
    }  # fmt: skip
    assert client_of(acme, "usage:read").get(oldest["records"]).status_code == 200
    for query, count in {
        "scope=acme/search": 2, "scope=acme/ads": 0, "status=open": 1, "feedback=none": 2, "feedback=no": 0,
        "metric=tokens": 0, "model=gpt-4o": 2, "limit=1": 1,
    }.items():  # fmt: skip
        assert len(http.get(f"/api/v1/anomalies?{query}").json()["results"]) == count, query
    assert http.get("/api/v1/anomalies?scpoe=acme").status_code == 400
    assert http.get("/api/v1/anomalies?scope=acme/nowhere").json()["code"] == "scope_unknown"


def test_feedback_is_given_once(acme: Scope, spikes: list[Anomaly], client_of: Any) -> None:
    http = client_of(acme, "alerts:read", "alerts:write")
    path = f"/api/v1/anomalies/{spikes[0].pk}/feedback"
    form = {"feedback": "planned", "reason": "The yearly re-indexing."}
    for _ in range(2):
        answer = http.post(path, form, format="json", headers={"Idempotency-Key": "1"})
        assert (answer.status_code, answer.json()["feedback"]) == (200, "planned")
    assert http.post(path, {**form, "feedback": "maybe"}, format="json").status_code == 400
    assert http.post(path, {"feedback": "no"}, format="json").status_code == 400
    with time_machine.travel(AT):
        [row] = http.get("/api/v1/anomalies/kpis").json()["rows"]
    assert (row["organisation"], row["anomalies"], row["with_feedback"], row["precision"]) == ("acme", 2, 1, "1.0000")
    assert row["planned_cost"] == f"{spikes[0].excess_cost}"
    assert http.get("/api/v1/anomalies/kpis?from=2026-01-01&to=2026-02-01").json() == {"rows": []}


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_however_long(
    acme: Scope, search: Scope, client_of: Any, django_assert_num_queries: Any, count: int
) -> None:
    used(search, {number * 3 + 1: 900 for number in range(count)})
    delivered(acme)
    detect_anomalies(at=AT)
    http = client_of(acme, "alerts:read")
    http.get("/api/v1/anomalies")
    with django_assert_num_queries(2):
        assert len(http.get("/api/v1/anomalies").json()["results"]) == count


def person(acme: Scope, right: str) -> Client:
    user = User.objects.create_user("fin@acme.example", "a long password", is_staff=True)
    Ownership.objects.create(scope=acme, user=user, persona="finops", decision_right=right)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_page_shows_the_series_and_what_was_expected(acme: Scope, spikes: list[Anomaly]) -> None:
    with time_machine.travel(AT):
        page = person(acme, "acknowledge").get(f"/admin/allocation/anomaly/{spikes[0].pk}/change/").content.decode()
    assert "Sun 2026-11-15: 700.00 USD, expected " in page
    assert page.count('fill="#dc2626"') == 2
    assert "Give feedback" in page


def test_feedback_from_the_list_and_from_the_page(acme: Scope, spikes: list[Anomaly]) -> None:
    client = person(acme, "acknowledge")
    chosen = {"action": "judge", "_selected_action": [spike.pk for spike in spikes]}
    assert "The yearly" not in client.post("/admin/allocation/anomaly/", chosen).content.decode()
    form = {**chosen, "apply": "1", "feedback": "no", "reason": "The yearly re-indexing."}
    assert client.post("/admin/allocation/anomaly/", form).status_code == 302
    assert [anomaly.feedback for anomaly in Anomaly.objects.all()] == ["no", "no"]
    page = f"/admin/allocation/anomaly/{spikes[0].pk}/judge/"
    assert "The yearly re-indexing." in client.get(page).content.decode()
    client.post(page, {"apply": "1", "feedback": "yes", "reason": "It was not."})
    assert Anomaly.objects.get(pk=spikes[0].pk).feedback_by == "fin@acme.example"


def test_feedback_needs_the_right_to_acknowledge(acme: Scope, spikes: list[Anomaly]) -> None:
    client = person(acme, "")
    form = {"action": "judge", "_selected_action": [spikes[0].pk], "apply": "1", "feedback": "no", "reason": "So."}
    client.post("/admin/allocation/anomaly/", form)
    assert client.post(f"/admin/allocation/anomaly/{spikes[0].pk}/judge/", form).status_code == 403
    assert [anomaly.feedback for anomaly in Anomaly.objects.all()] == ["", ""]


def test_days_without_data_are_shown_as_such(acme: Scope, spikes: list[Anomaly]) -> None:
    from allocation.usage.models import UsageDay

    UsageDay.objects.filter(bucket__date=TODAY - DAY * 12).delete()
    with time_machine.travel(AT + timedelta(hours=1)):
        page = person(acme, "").get(f"/admin/allocation/anomaly/{spikes[0].pk}/change/").content.decode()
    assert "Thu 2026-11-12: no data" in page
