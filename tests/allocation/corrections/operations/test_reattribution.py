"""Recorded usage attributed again: it moves to the last token, once, and what was closed stays."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.corrections.operations import rerate_usage
from allocation.coverage import queries
from allocation.prices.operations import apply_price_book
from allocation.usage.models import TaskDay, UsageCharge, UsageDay, UsageHour, UsageMinute, UsageRecord
from allocation.usage.operations import record_usage
from governance.errors import DomainError
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import BATCH, KEYED, RULES, SEARCH, SINCE, UNTIL, apply_rules, preview, use
from tests.allocation.conftest import AT, SYSTEM, TOTALLED, event, make_organisation
from tests.allocation.corrections.reattributed import LATER, again, by_scope

FAILED = {"attributes": {"team": "search"}, "status": "error", "cost": None}


UNPRICED = {"attributes": {"team": "search"}, "model": "nobody-knows", "cost": None}


def totals(**where: Any) -> list[dict[str, Any]]:
    """Every quantity of the three roll-ups, summed."""
    return [
        model.objects.filter(**where).aggregate(**{name: Sum(name, default=0) for name in TOTALLED})
        for model in (UsageMinute, UsageHour, UsageDay)
    ]


def test_what_the_rules_now_in_force_place_elsewhere_moves(acme: Scope) -> None:
    use(acme, SEARCH, BATCH, KEYED, FAILED, UNPRICED, {"scope": "acme/ads", **SEARCH}, {"cost": Decimal(5)})
    before = totals()
    apply_rules()
    found = again()
    assert by_scope() == {
        "acme/ads": (Decimal(2), 2, 0),
        "acme/search": (Decimal(1), 3, 1),
        "acme/search/ranker": (Decimal(1), 1, 0),
        "acme/unattributed": (Decimal(5), 1, 0),
    }
    assert totals() == before
    assert found.run is not None
    assert (found.run.records, found.run.cost, found.run.finished_at) == (5, 0, LATER)
    unpriced = UsageDay.objects.filter(unpriced_requests__gt=0).values_list("scope__path", "unpriced_requests")
    assert list(unpriced) == [("acme/search", 1)]
    assert {record.scope.path for record in UsageRecord.objects.exclude(attribution="explicit")} == {
        "acme/unattributed"
    }
    decided = DecisionRecord.objects.get(action="usage.reattribute")
    assert (decided.reason, decided.scope, decided.subject) == ("New rules.", acme, f"adjustment_run:{found.run.pk}")


def test_the_dry_run_says_what_the_run_then_does_and_writes_nothing(acme: Scope) -> None:
    use(acme, SEARCH, BATCH, KEYED)
    apply_rules()
    before = (by_scope(), DecisionRecord.objects.count())
    dry = again(dry_run=True)
    assert (by_scope(), DecisionRecord.objects.count(), AdjustmentRun.objects.count()) == (*before, 0)
    assert again().preview.movements == dry.preview.movements != ()


def test_done_twice_it_changes_nothing_and_records_no_second_decision(acme: Scope) -> None:
    use(acme, SEARCH, BATCH, KEYED)
    apply_rules()
    again()
    after = (by_scope(), Adjustment.objects.count())
    second = again()
    assert (second.run, second.preview.movements) == (None, ())
    assert (by_scope(), Adjustment.objects.count()) == after
    assert DecisionRecord.objects.filter(action="usage.reattribute").count() == 1


def test_a_record_back_on_the_unattributed_scope(acme: Scope) -> None:
    apply_rules()
    use(acme, SEARCH)
    apply_rules(RULES.replace("when: {team: search}", "when: {team: none}"))
    again()
    assert by_scope() == {"acme/unattributed": (Decimal(1), 1, 0)}
    [one] = queries.attribution_coverage(actor=SYSTEM, since=SINCE, until=UNTIL, by="rule")
    assert [(part.name, part.coverage.used.records) for part in one.parts] == [("unattributed", 1)]
    assert one.whole.cost_ratio == 0


def test_a_price_corrected_before_moves_along_and_after_stays_there(acme: Scope) -> None:
    use(acme, UNPRICED)
    book = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: late}
spec:
  organisation: acme
  prices: [{provider: openai, model: nobody-knows, effective_from: 2026-01-01, request: "3"}]
"""
    from tests.allocation.declared_documents import book as read_book

    apply_price_book(read_book(book), actor=SYSTEM, at=AT)
    period = {"organisation": acme, "since": SINCE, "until": UNTIL, "reason": "Late.", "actor": SYSTEM, "at": LATER}
    rerate_usage(**period)  # type: ignore[arg-type]
    apply_rules()
    again()
    assert by_scope() == {"acme/search": (Decimal(3), 1, 0)}
    apply_price_book(read_book(book.replace('"3"', '"4"')), actor=SYSTEM, at=AT)
    rerate_usage(**period)  # type: ignore[arg-type]
    assert by_scope() == {"acme/search": (Decimal(4), 1, 0)}
    assert preview(None, organisation="acme").movements == ()
    assert [row["unpriced_requests"] for row in totals()] == [0, 0, 0]


def test_a_closed_month_keeps_its_figures_and_the_movement_counts_now(acme: Scope) -> None:
    use(acme, {**SEARCH, "occurred_at": "2026-10-20T10:00:00Z"}, SEARCH)
    apply_rules()
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Done.", actor=SYSTEM, at=AT)
    october = {"bucket__lt": SINCE}
    closed = (totals(**october), list(UsageCharge.objects.filter(day__lt=SINCE.date()).order_by("pk").values()))
    whole = totals()
    again(since=datetime(2026, 10, 1, tzinfo=UTC))
    assert (totals(**october), list(UsageCharge.objects.filter(day__lt=SINCE.date()).order_by("pk").values())) == closed
    assert totals() == whole
    november = (
        UsageDay.objects.filter(bucket__gte=SINCE).values_list("scope__path", "bucket__day").annotate(Sum("cost"))
    )
    assert sorted(november) == [("acme/search", 24, Decimal(2)), ("acme/unattributed", 24, Decimal(-1))]
    assert again(since=datetime(2026, 10, 1, tzinfo=UTC)).run is None


def test_tasks_move_with_their_first_call(acme: Scope) -> None:
    use(acme, {**SEARCH, "task_id": "t1"}, {**SEARCH, "task_id": "t1", "occurred_at": "2026-11-24T12:01:00Z"})
    apply_rules()
    again()
    days = TaskDay.objects.values_list("scope__path", "tasks", "requests", "cost")
    assert {row for row in days if any(row[1:])} == {("acme/search", 1, 2, Decimal(2))}


def test_charges_move_as_corrections(acme: Scope) -> None:
    use(acme, SEARCH)
    apply_rules()
    again()
    rows = UsageCharge.objects.values_list("scope__path").annotate(Sum("effective_cost"))
    assert dict(rows) == {"acme/unattributed": Decimal(0), "acme/search": Decimal(1)}


def test_a_batch_ends_where_it_ends(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocation.corrections.operations.reattribution.BATCH", 2)
    use(acme, *[{**SEARCH, "occurred_at": "2026-11-24T12:00:00Z"}] * 5)
    apply_rules()
    again()
    assert by_scope() == {"acme/search": (Decimal(5), 5, 0)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": " "}, "Say why"),
        ({"until": SINCE}, "The period is empty"),
        ({"organisation": "acme/search"}, "no organisation acme/search"),
    ],
)
def test_a_run_that_cannot_be_made(acme: Scope, changes: dict[str, Any], words: str) -> None:
    use(acme, SEARCH)
    apply_rules()
    with pytest.raises(DomainError, match=words):
        again(**changes)
    assert Adjustment.objects.count() == 0


def test_a_key_has_no_say(acme: Scope) -> None:
    key, _ = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)
    with pytest.raises(DomainError, match="has no say over acme"):
        again(actor=Actor.of_key(key))


CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "attributes": st.dictionaries(st.just("team"), st.sampled_from(["search", "never", "x"])),
            "service_tier": st.sampled_from(["standard", "batch"]),
            "cost": st.one_of(st.none(), st.decimals(0, 1000, places=9)),
            "status": st.sampled_from(["success", "error"]),
            "tokens": st.fixed_dictionaries({"input": st.integers(0, 10**9), "output": st.integers(0, 10**9)}),
            "requests": st.integers(1, 50),
            "gpu_seconds": st.one_of(st.none(), st.decimals(0, 1000, places=6)),
            "task_id": st.sampled_from(["", "a", "b"]),
            "occurred_at": st.sampled_from(["2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "2026-11-24T12:00:00Z"]),
        }
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.long
class Laws(TestCase):
    @settings(max_examples=12, deadline=None)
    @given(CALLS, st.booleans(), st.randoms())
    def test_every_quantity_is_conserved_and_order_does_not_matter(
        self, calls: list[dict[str, Any]], closed: bool, shuffle: Any
    ) -> None:
        period = {"since": datetime(2026, 10, 1, tzinfo=UTC)}
        numbered = [{**call, "id": f"call-{number}"} for number, call in enumerate(calls)]
        ended = []
        for name in ("acme", "globex"):
            root = make_organisation(name)
            events = [event(scope=None, **call) for call in numbered]
            for one in events:
                record_usage(events=[one], key_scope_id=root.pk, at=AT)
            if closed:
                close_period(organisation=root, month=date(2026, 10, 1), reason="Done.", actor=SYSTEM, at=AT)
            before = totals(scope__path__startswith=name)
            apply_rules(RULES.replace("acme", name))
            again(organisation=name, **period)
            assert totals(scope__path__startswith=name) == before
            assert again(organisation=name, **period).run is None
            sums = Adjustment.objects.filter(run__organisation=root).aggregate(Sum("cost"), Sum("requests"))
            assert {value or 0 for value in sums.values()} == {0}
            rows = UsageDay.objects.filter(scope__path__startswith=name).values("bucket", *TOTALLED, "scope__path")
            ended.append(sorted(str({**row, "scope__path": row["scope__path"].removeprefix(name)}) for row in rows))
            shuffle.shuffle(numbered)
        assert ended[0] == ended[1]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_beside_new_usage_move_every_record_once() -> None:
    acme = make_organisation()
    use(acme, *[SEARCH] * 30)
    apply_rules(RULES.replace("when: {team: search}", "when: {team: none}"))
    apply_rules()
    gate = threading.Barrier(3)

    def at_once(work: Callable[[], object]) -> None:
        try:
            gate.wait()
            work()
        finally:
            connection.close()

    work = [again, again, lambda: use(acme, *[KEYED] * 30)]
    threads = [threading.Thread(target=at_once, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert by_scope() == {"acme/search": (Decimal(30), 30, 0), "acme/search/ranker": (Decimal(30), 30, 0)}
    assert Adjustment.objects.count() == 60
