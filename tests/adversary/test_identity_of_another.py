"""Whose record an identity is: nobody books another's record first, at nothing; and one call that two roads tell of
counts once.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from allocation.corrections.operations import take_back_repeated_calls
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.engine.costing import IMPORT
from allocation.usage.engine.traced_calls import CallSpan, TracedCalls
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import IngestResult, record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, acme, document, event
from tests.allocation.usage.traced import spans_of

__all__ = ["acme"]

pytestmark = [pytest.mark.adversary("what is not yours"), pytest.mark.django_db]

ADS, SEARCH, IN_SEARCH = "aaaaaaaaa1", "bbbbbbbbb2", "ccccccccc3"
COST = Decimal("0.0035")
# What books a call at nothing, or at less than it was.
LESS = (
    {"cost": Decimal(0)},
    {"tokens": {"input": 0, "output": 0}, "cost": Decimal(0)},
    {"tokens": {"input": 1, "output": 0}},
    {"status": "error"},
    {"cached_response": True},
    {"cost": Decimal(-1)},
    {"model": "gpt-4o-mini"},
)


def sent(scope: Scope, key: str, *events: Any, **told: Any) -> IngestResult:
    return record_usage(events=events, key_scope_id=scope.pk, weir_key=key, at=AT, **told)


def in_scope(path: str) -> Scope:
    return Scope.objects.get(path=path)


def counted() -> tuple[int, Decimal]:
    sums = UsageDay.objects.aggregate(requests=Sum("requests"), cost=Sum("cost"))
    return sums["requests"], sums["cost"]


@pytest.mark.parametrize("identity", [{}, {"identity": "id"}], ids=["at its instant", "by id"])
@pytest.mark.parametrize("where", ["acme/ads", "acme/search"])
def test_nobody_books_anothers_record_first_at_less(acme: Scope, identity: dict[str, Any], where: str) -> None:
    del acme
    less = [event(scope=where, id=f"{number}", **identity, **changes) for number, changes in enumerate(LESS)]
    assert sent(in_scope(where), ADS, *less).accepted == len(LESS)
    before = counted()[1]

    own = [event(id=f"{number}", **identity) for number in range(len(LESS))]
    assert [sent(in_scope("acme/search"), SEARCH, each).accepted for each in (own[0], *own)] == [1, 0] + [1] * 6
    # And told again it counts once.
    assert sent(in_scope("acme/search"), SEARCH, *own).duplicate == len(LESS)

    assert counted()[1] == before + len(LESS) * COST
    assert set(UsageRecord.objects.filter(sender=SEARCH).values_list("cost", flat=True)) == {COST}


def test_nobody_takes_a_call_by_another_name_of_it(acme: Scope) -> None:
    named = event(scope="acme/ads", id="mine", identity="id", other_ids=["call", "log"], cost=Decimal(0))
    sent(in_scope("acme/ads"), ADS, named)

    own = event(id="call", identity="id", other_ids=["log", "bill"])
    at_its_log = event(id="log", identity="id", occurred_at=AT - timedelta(hours=1))
    billed = event(id="bill", identity="id", occurred_at=AT - timedelta(hours=2))
    assert [sent(acme, SEARCH, each).accepted for each in (own, own, at_its_log, billed)] == [1, 0, 0, 0]
    assert counted()[1] == COST


def test_what_a_file_states_is_not_taken_by_a_key(acme: Scope) -> None:
    sent(in_scope("acme/ads"), ADS, event(scope="acme/ads", id="row", source="bill", cost=Decimal(0)))
    row = event(id="row", source="bill", cost=Decimal(7))
    assert record_usage(events=[row], key_scope_id=acme.pk, sent_by=IMPORT, at=AT).accepted == 1
    assert record_usage(events=[row], key_scope_id=acme.pk, sent_by=IMPORT, at=AT).duplicate == 1
    assert counted()[1] == Decimal(7)


def test_what_waits_in_quarantine_is_its_senders_once_it_is_replayed(acme: Scope) -> None:
    sent(acme, SEARCH, event(scope="acme/new", id="call"))
    sent(in_scope("acme/ads"), ADS, event(scope="acme/ads", id="call", cost=Decimal(0)))
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)

    replay_quarantined(actor=SYSTEM, at=AT)

    assert counted()[1] == COST
    own = UsageRecord.objects.get(sender=SEARCH)
    assert (own.scope.path, QuarantinedUsage.objects.get().record_id) == ("acme/new", own.pk)


@pytest.mark.parametrize("order", [1, -1])
def test_a_span_beside_anothers_takes_nothing_back(acme: Scope, order: int) -> None:
    """Of one call's spans the innermost counts: somebody's own below another's would have that one taken back."""
    del acme
    outer, inner = spans_of(1)
    roads = [
        (in_scope("acme/ads"), ADS, inner, {"scope": "acme/ads", "cost": Decimal(0)}),
        (in_scope("acme/search"), SEARCH, outer, {}),
    ][::order]
    assert [of_span(*road) for road in roads] == [1, 1]
    assert take_back_repeated_calls(at=AT) == 0
    assert counted()[1] == COST


def of_span(scope: Scope, key: str, span: CallSpan, changes: dict[str, Any]) -> int:
    traced = TracedCalls([span], [], {span.key: span.parent} if span.parent else {}, {})
    return sent(scope, key, event(id=span.event_id, source="otlp", **changes), traced=traced).accepted


ROADS = (
    # The same call: by two keys of a scope, by a team's and the organisation's, by a key and a file.
    ("acme/search", SEARCH, "acme/search", IN_SEARCH),
    ("acme/search", SEARCH, "acme", ADS),
    ("acme", ADS, "acme/search", SEARCH),
    ("acme", ADS, "acme", ""),
)
OTHERWISE = (
    {},
    {"task_id": "t", "latency_ms": 7, "attributes": {"team": "x"}},
    # Split otherwise: one road knows what was read from a cache.
    {"tokens": {"input": 1000, "cached_input": 900, "output": 100}},
    {"tokens": {"input": 1000, "output": 100, "reasoning": 50}},
)


@pytest.mark.parametrize("road", ROADS, ids=str)
def test_one_call_told_by_two_roads_counts_once(acme: Scope, road: tuple[str, str, str, str]) -> None:
    del acme
    first_scope, first_key, second_scope, second_key = road
    for name, (changes, order) in enumerate((each, order) for each in OTHERWISE for order in (1, -1)):
        call = document(id=f"{name}", identity="id")
        roads = [(first_scope, first_key, call), (second_scope, second_key, call | changes)][::order]
        answers = [
            record_usage(
                events=[event(**each)], key_scope_id=in_scope(scope).pk, weir_key=key,
                sent_by="" if key else IMPORT, at=AT,
            ).accepted
            for scope, key, each in roads
        ]  # fmt: skip
        assert answers == [1, 0], (changes, order)


def test_what_came_in_before_senders_were_kept_is_no_others(acme: Scope) -> None:
    old = event(id="call", cost=Decimal(0))
    record_usage(events=[old], key_scope_id=acme.pk, at=AT)
    assert sent(acme, SEARCH, event(id="call")).duplicate == 1


def test_many_at_once_are_kept_apart_each(acme: Scope) -> None:
    taken = [event(scope="acme/ads", id=f"{number}", cost=Decimal(0)) for number in range(150)]
    sent(in_scope("acme/ads"), ADS, *taken)
    own = [event(id=f"{number}") for number in range(200)]
    assert sent(acme, SEARCH, *own) == IngestResult(200, 0, (), costs={"USD": 200 * COST})
    assert sent(acme, SEARCH, *own).duplicate == 200
    assert counted()[1] == 200 * COST
