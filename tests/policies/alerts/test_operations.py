from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from tests.policies.conftest import AT

pytestmark = pytest.mark.usefixtures("budget")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.mark.usefixtures("blocked")
def test_an_alert_is_listed_shown_and_acknowledged(api: Client) -> None:
    [listed] = api.get("/api/v1/alerts", {"scope": "acme", "status": "open"}).json()["results"]
    assert (listed["scope"], listed["guardrail"], listed["status"], listed["step"]) == (
        "acme/search", "monthly-budget", "firing", "block",
    )  # fmt: skip
    assert api.get("/api/v1/alerts", {"status": "resolved"}).json()["results"] == []
    shown = api.get(f"/api/v1/alerts/{listed['id']}").json()
    assert [event["kind"] for event in shown["events"]] == [
        "step_started", "step_started", "constrained", "notified",
    ]  # fmt: skip
    path = f"/api/v1/alerts/{listed['id']}/acknowledge"
    answer = api.post(path, {"reason": "Seen."}, content_type="application/json")
    assert (answer.status_code, answer.json()["acknowledged_by"][:4]) == (200, "key ")
    again = api.post(path, {}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "alert_already_acknowledged")
