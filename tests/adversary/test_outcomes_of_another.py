"""Whose an outcome's or a metric's identity is: nobody takes another's by naming it first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from allocation.outcomes.documents import OutcomeEvent
from allocation.outcomes.models import Outcome, OutcomeDay
from allocation.outcomes.operations import record_outcomes
from allocation.quarantine.models import OUTCOME_FORMAT, QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.shared_cost.models import AllocationMetric
from allocation.shared_cost.operations import record_metrics
from allocation.shared_cost.operations.metrics import MetricsResult
from allocation.usage.operations import IngestResult
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, Client, acme, client_of

__all__ = ["acme", "client_of"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

ADS, SEARCH, IN_SEARCH, FILE = "aaaaaaaaa1", "bbbbbbbbb2", "ccccccccc3", "import"
OWN: dict[str, Any] = {
    "id": "case", "source": "desk", "occurred_at": AT, "scope": "acme/search", "name": "case.solved", "success": True,
    "quantity": 2, "value": {"amount": Decimal(40), "currency": "USD"}, "quality_score": Decimal("0.9"),
    "task_ids": ("t1",),
}  # fmt: skip
# What takes an outcome away, or makes it worth less.
LESS: tuple[dict[str, Any], ...] = (
    {"scope": "acme/ads"},
    {"success": False},
    {"quantity": 1},
    {"value": None},
    {"value": {"amount": Decimal(1), "currency": "USD"}},
    {"name": "case.lost"},
    {"kind": "action"},
    {"quality_score": Decimal("0.1")},
    {"safety_flags": ("harm",)},
    {"task_ids": ("t2",)},
)


def in_scope(path: str) -> Scope:
    return Scope.objects.get(path=path)


def told(key: str, *outcomes: dict[str, Any], scope: str = "acme") -> IngestResult:
    events = [OutcomeEvent(**outcome) for outcome in outcomes]
    return record_outcomes(events=events, key_scope_id=in_scope(scope).pk, sender=key, at=AT)


def counted(scope: str, name: str = "case.solved") -> tuple[int, int, Decimal]:
    days = OutcomeDay.objects.filter(scope__path=scope, name=name, kind="outcome")
    sums = days.aggregate(
        count=Sum("count", default=0), won=Sum("successful", default=0), worth=Sum("value", default=0)
    )
    return sums["count"], sums["won"], sums["worth"]


@pytest.mark.parametrize("changes", LESS, ids=str)
def test_nobody_books_anothers_outcome_first(acme: Scope, changes: dict[str, Any]) -> None:
    del acme
    assert told(ADS, OWN | changes).accepted == 1
    before = counted("acme/search")
    assert [told(SEARCH, OWN).accepted for _ in range(2)] == [1, 0]
    # In one batch with what is new, and with a repeat in itself.
    result = told(SEARCH, OWN, OWN | {"id": "next"}, OWN)
    assert (result.accepted, result.duplicate) == (1, 2)
    after = counted("acme/search")
    assert tuple(now - then for now, then in zip(after, before, strict=True)) == (4, 4, Decimal(80))
    assert Outcome.objects.get(sender=SEARCH, event_id="case").task_ids == ["t1"]


@pytest.mark.parametrize("roads", [(SEARCH, IN_SEARCH), (SEARCH, FILE), (FILE, SEARCH), ("", SEARCH), (SEARCH, "")])
def test_one_outcome_that_two_senders_tell_alike_counts_once(acme: Scope, roads: tuple[str, str]) -> None:
    del acme
    assert [told(sender, OWN).accepted for sender in roads] == [1, 0]
    assert counted("acme/search") == (2, 2, Decimal(40))


def test_a_sender_does_not_change_what_it_has_told(acme: Scope) -> None:
    del acme
    assert [told(SEARCH, OWN | changes).accepted for changes in ({}, *LESS)] == [1] + [0] * len(LESS)
    # Of what came before senders were kept nobody's is known.
    assert told("", OWN | {"id": "old"}).accepted == 1
    assert told(SEARCH, OWN | {"id": "old", "success": False}).duplicate == 1


def test_an_outcome_that_waits_is_its_senders_once_it_is_replayed(acme: Scope) -> None:
    assert told(SEARCH, OWN | {"scope": "acme/new"}).rejected != ()
    assert QuarantinedUsage.objects.get().sender == SEARCH
    told(ADS, OWN | {"scope": "acme/ads"}, scope="acme/ads")
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    replay_quarantined(actor=SYSTEM, at=AT)
    assert QuarantinedUsage.objects.get().source_format == OUTCOME_FORMAT
    assert (counted("acme/new"), Outcome.objects.get(sender=SEARCH).scope.path) == ((2, 2, Decimal(40)), "acme/new")


def test_each_key_is_a_sender(acme: Scope, client_of: Client) -> None:
    del acme
    body = {"id": "case", "source": "desk", "occurred_at": "2026-11-24T12:00:00Z", "name": "case.solved"}
    ads, search = client_of(in_scope("acme/ads")), client_of(in_scope("acme/search"))
    taken = ads.post("/api/v1/outcomes", body | {"success": False}, format="json")
    own = search.post("/api/v1/outcomes", body | {"success": True}, format="json")
    assert [answer.json()["accepted"] for answer in (taken, own)] == [1, 1]
    seats = {"id": "1", "source": "hr", "metric": "seats", "on": "2026-11-24", "value": 3}
    answers = [
        client.post("/api/v1/allocation-metrics", seats | {"scope": scope}, format="json").json()
        for client, scope in ((ads, "acme/ads"), (search, "acme/search"))
    ]
    assert [answer["accepted"] for answer in answers] == [1, 1]


def metric(sender: str, **changes: Any) -> MetricsResult:
    value = {"id": "1", "source": "hr", "metric": "seats", "scope": "acme/search", "on": "2026-11-24", "value": 30}
    return record_metrics(values=[value | changes], authority=in_scope("acme"), sender=sender, at=AT)


@pytest.mark.parametrize(
    "changes", [{"value": 0}, {"scope": "acme/ads"}, {"metric": "desks"}, {"on": "2026-11-01"}], ids=str
)
def test_nobody_takes_the_identity_of_anothers_metric(acme: Scope, changes: dict[str, Any]) -> None:
    del acme
    assert metric(ADS, **changes).accepted == 1
    assert [metric(SEARCH).accepted, metric(SEARCH).duplicate] == [1, 1]
    # A sender's own value never changes.
    assert [each.code for each in metric(SEARCH, value=31).rejected] == ["identity_reused"]
    assert AllocationMetric.objects.get(sender=SEARCH).value == 30


def test_a_metric_that_two_senders_tell_alike_counts_once(acme: Scope) -> None:
    del acme
    assert [metric(sender).accepted for sender in (SEARCH, ADS, "")] == [1, 0, 0]
    assert [each.code for each in metric("", value=31).rejected] == ["identity_reused"]
