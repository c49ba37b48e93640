from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from budgets.requests.models import QuotaRequest
from budgets.requests.operations import (
    answer_request,
    approve_request,
    ask_about_request,
    expire_requests,
    remind_approvers,
    reminding,
)
from config.apart import faults
from governance.messages.models import Delivery
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import AT, Propose, person
from tests.budgets.requests.conftest import Asks, shown

LATE: dict[str, Any] = {
    "working_time": {"time_zone": "Europe/Berlin", "begins": "09:00", "ends": "17:00"},
    "when_late": {
        "remind_after_hours": 4, "escalate_after_hours": 8,
        "escalate_to": {"persona": "finance", "right": "approve_budget", "at": "acme"},
    },
}  # fmt: skip
BY_LEAD = {"name": "lead", "steps": [{"persona": "engineering", "right": "constrain_demand"}]}
# It is 13:00 in Berlin, a Tuesday: four hours of work are left.
REMINDED, ESCALATED = datetime(2026, 11, 24, 16, tzinfo=UTC), datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def lead(search: Scope) -> Actor:
    return person("lea@example.com", search, "engineering", "constrain_demand")


def told(kind: str) -> list[str]:
    return sorted(each.to[0] for each in Delivery.objects.filter(message__event_type=f"quota_request.{kind}"))


def test_approvers_asleep_are_reminded_then_others_are_asked_and_then_it_ends_each_once(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(search, "100")
    apply(BY_LEAD, **LATE)
    request = asks(search, "50", decide_by=ESCALATED + timedelta(hours=3))
    digest = shown(request)

    second = timedelta(seconds=1)
    instants = [REMINDED - second, REMINDED, REMINDED, ESCALATED - second, ESCALATED, ESCALATED, ESCALATED + 9 * second]
    assert [remind_approvers(at=at) for at in instants] == [0, 1, 0, 0, 1, 0, 0]
    ends = ESCALATED + timedelta(hours=3)
    assert [expire_requests(at=ends), expire_requests(at=ends), remind_approvers(at=ends)] == [1, 0, 0]

    assert told("reminded") == ["lea@example.com"]
    assert told("escalated") == ["dev@example.com", "fay@example.com", "lea@example.com"]
    assert told("expired") == ["dev@example.com", "fay@example.com", "lea@example.com"]
    assert [entry.kind for entry in request.thread.order_by("pk")] == [
        "submitted", "reminded", "escalated", "expired",
    ]  # fmt: skip
    actions = ("quota_request.remind", "quota_request.escalate", "quota_request.expire")
    assert [DecisionRecord.objects.filter(action=action).count() for action in actions] == [1, 1, 1]
    assert shown(QuotaRequest.objects.get()) != digest, "it has expired"


def test_those_it_is_escalated_to_may_agree_to_what_was_shown_before(
    acme: Scope, search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    apply(BY_LEAD, **LATE)
    request = asks(search, "50")
    digest = shown(request)
    remind_approvers(at=REMINDED)
    remind_approvers(at=ESCALATED)

    done = approve_request(request_id=request.pk, actor=finance, reason="ok", expected_digest=digest, at=ESCALATED)

    assert (done.status, done.decided_by) == ("approved", finance.user)


def test_while_the_team_is_asked_nobody_is_reminded(
    search: Scope, approve: Propose, asks: Asks, finance: Actor, lead: Actor, developer: Actor
) -> None:
    approve(search, "100")
    apply(BY_LEAD, **LATE)
    request = asks(search, "50")
    ask_about_request(request_id=request.pk, actor=lead, text="Why?", at=AT)
    assert remind_approvers(at=ESCALATED) == 0
    answer_request(request_id=request.pk, actor=developer, text="So.", at=ESCALATED)
    assert [remind_approvers(at=ESCALATED + timedelta(hours=hours)) for hours in (3, 4)] == [0, 1]
    assert told("reminded") == ["lea@example.com"]


def test_a_fault_in_one_stops_no_other(
    search: Scope, approve: Propose, asks: Asks, lead: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(search, "100")
    apply(BY_LEAD, **LATE)
    bad, good = asks(search, "50"), asks(search, "60")
    tells = reminding._tell_late

    def sometimes(pk: int, *, at: datetime) -> int:
        assert pk != bad.pk
        return tells(pk, at=at)

    monkeypatch.setattr(reminding, "_tell_late", sometimes)

    assert remind_approvers(at=REMINDED) == 1
    assert [entry.kind for entry in good.thread.order_by("pk")] == ["submitted", "reminded"]
    assert list(faults()) == [
        f"Approvers cannot be reminded of: {bad.pk} of acme/search: see the log; all others go on."
    ]
