from datetime import timedelta

import pytest

from budgets.requests.models import QuotaRequest
from budgets.requests.operations import expire_requests, expiry
from config.apart import faults
from governance.messages.models import Delivery
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.work.models import Heartbeat
from tests.budgets.conftest import AT, Propose
from tests.budgets.requests.conftest import Asks

SOON = AT + timedelta(hours=2)


def test_a_request_that_nobody_decides_on_ends_once_and_both_sides_are_told(
    search: Scope, approve: Propose, asks: Asks, finance: object
) -> None:
    approve(search, "100")
    late, early = asks(search, "50", decide_by=SOON), asks(search, "60", decide_by=SOON + timedelta(seconds=1))

    assert [expire_requests(at=SOON - timedelta(seconds=1)), expire_requests(at=SOON), expire_requests(at=SOON)] == [
        0, 1, 0,
    ]  # fmt: skip

    assert [QuotaRequest.objects.get(pk=each.pk).status for each in (late, early)] == ["expired", "submitted"]
    told = Delivery.objects.filter(message__event_type="quota_request.expired")
    assert sorted(each.to[0] for each in told) == ["dev@example.com", "fay@example.com"]
    assert "Nobody decided by 24 November 2026, 14:00 UTC" in told[0].message["text"]
    assert DecisionRecord.objects.filter(action="quota_request.expire").count() == 1


def test_a_fault_in_one_stops_no_other(
    search: Scope, approve: Propose, asks: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(search, "100")
    bad, good = asks(search, "50", decide_by=SOON), asks(search, "60", decide_by=SOON)
    ends = expiry._expire

    def sometimes(pk: int, at: object) -> int:
        assert pk != bad.pk
        return ends(pk, at)

    monkeypatch.setattr(expiry, "_expire", sometimes)

    assert expire_requests(at=SOON) == 1
    assert QuotaRequest.objects.get(pk=good.pk).status == "expired"
    assert Heartbeat.objects.get(name="budgets.expire_requests").detail == f"{bad.pk} of acme/search"
    assert list(faults()) == [
        f"Requests that nobody decided on cannot be ended: {bad.pk} of acme/search: see the log; all others go on."
    ]
