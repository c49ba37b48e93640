"""Prices corrected after the fact, closed months, and what each meter cost."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from allocation.billing_periods.models import BillingPeriod
from allocation.billing_periods.operations import PeriodClosed, PeriodNotOver, close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.corrections.operations import rerate_usage
from allocation.corrections.queries import cost_as_known
from allocation.usage.models import Task, TaskDay, UsageCharge, UsageDay, UsageHour, UsageMinute, UsageRecord
from allocation.usage.operations import record_usage
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.operations.test_price_books import apply_book

OCTOBER = datetime(2026, 10, 10, 9, tzinfo=UTC)
BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {{name: contract}}
spec:
  organisation: acme
  prices:
    - {{provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "{price}", cached_input: "1", output: "10"}}
"""
NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def costs(scope: Scope) -> list[Decimal]:
    """The same by minute, hour, day, charge and record with its adjustments."""
    rollups = (UsageMinute, UsageHour, UsageDay)
    stored = [sum(model.objects.filter(scope=scope).values_list("cost", flat=True)) for model in rollups]
    charged = sum(UsageCharge.objects.filter(scope=scope).values_list("effective_cost", flat=True))
    recorded = sum(UsageRecord.objects.filter(scope=scope, cost__isnull=False).values_list("cost", flat=True))
    adjusted = sum(Adjustment.objects.filter(scope=scope).values_list("cost", flat=True))
    return [Decimal(each) for each in (*stored, charged, recorded + adjusted)]


def rerate(acme: Scope, **changes: Any) -> Any:
    since, until = changes.pop("period", NOVEMBER)
    wanted = {"organisation": acme, "since": since, "until": until, "reason": "The contract", "actor": SYSTEM, "at": AT}
    return rerate_usage(**{**wanted, **changes})


def test_a_corrected_price_becomes_adjustments_and_the_records_stay(acme: Scope, search: Scope) -> None:
    apply_book(BOOK.format(price="4"))
    events = [event(task_id="t-1"), event(task_id="t-1"), event()]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert costs(search) == [Decimal("0.015")] * 5
    apply_book(BOOK.format(price="3"))
    dry = rerate(acme, dry_run=True)
    assert (dry.looked_at, dry.corrected, dry.change, Adjustment.objects.count()) == (3, 3, Decimal("-0.003"), 0)
    later = AT + timedelta(hours=1)
    done = rerate(acme, at=later)
    assert (done.run.records, done.run.cost, done.run.finished_at) == (3, Decimal("-0.003"), later)
    assert costs(search) == [Decimal("0.012")] * 5
    assert set(UsageRecord.objects.values_list("cost", flat=True)) == {Decimal("0.005")}
    assert Task.objects.get().cost == TaskDay.objects.get().cost == Decimal("0.008")
    assert DecisionRecord.objects.filter(action="usage.rerate").count() == 1
    known = {"scope_ids": [search.pk], "since": NOVEMBER[0], "until": NOVEMBER[1]}
    assert cost_as_known(**known, known_at=AT) == {search.pk: Decimal("0.015")}
    assert cost_as_known(**known, known_at=AT - timedelta(seconds=1)) == {search.pk: Decimal(0)}
    assert cost_as_known(**known, known_at=later) == {search.pk: Decimal("0.012")}


def test_done_again_it_finds_nothing_to_correct(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(), event()], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).corrected == 2
    again = rerate(acme)
    assert (again.looked_at, again.corrected, again.run.records) == (2, 0, 0)
    assert Adjustment.objects.count() == 2
    assert costs(search) == [Decimal("0.008")] * 5


def test_what_had_no_price_gets_one(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(model="house-model", requests=2)], key_scope_id=acme.pk, at=AT)
    assert (UsageDay.objects.get().unpriced_requests, UsageDay.objects.get().cost) == (2, Decimal(0))
    apply_book(BOOK.format(price="3").replace("gpt-4o", "house-*"))
    rerate(acme)
    day = UsageDay.objects.get()
    assert (day.unpriced_requests, day.requests, day.cost) == (0, 2, Decimal("0.004"))
    assert rerate(acme).corrected == 0


def test_what_the_provider_billed_is_not_priced_again(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(cost=Decimal(7)), event(cached_response=True)], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).looked_at == 0
    assert costs(search) == [Decimal(7)] * 5


def test_a_closed_month_keeps_its_figures(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(occurred_at=OCTOBER, task_id="t")], key_scope_id=acme.pk, at=AT)
    before = list(UsageDay.objects.values())
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Books", actor=SYSTEM, at=AT)
    apply_book(BOOK.format(price="3"))
    rerate(acme, period=(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)))
    record_usage(events=[event(occurred_at=OCTOBER, id="late", task_id="t")], key_scope_id=acme.pk, at=AT)
    october, november = UsageDay.objects.order_by("bucket")
    assert UsageDay.objects.filter(pk=october.pk).values().get() == before[0]
    assert (november.bucket.date(), november.requests, november.cost) == (AT.date(), 1, Decimal("0.0045"))
    late = UsageRecord.objects.get(event_id="late")
    assert (late.occurred_at, late.booked_at) == (OCTOBER, AT)
    assert sorted(UsageCharge.objects.values_list("day", "meter", "charge_class", "effective_cost")) == [
        (date(2026, 10, 10), "input", "", Decimal("0.0025")),
        (date(2026, 10, 10), "output", "", Decimal("0.001")),
        (date(2026, 11, 24), "adjustment", "Correction", Decimal("0.0005")),
        (date(2026, 11, 24), "input", "", Decimal("0.003")),
        (date(2026, 11, 24), "output", "", Decimal("0.001")),
    ]
    assert list(TaskDay.objects.order_by("day").values_list("day", "tasks", "requests", "cost")) == [
        (date(2026, 10, 10), 1, 1, Decimal("0.0035")), (date(2026, 11, 24), 0, 1, Decimal("0.0045")),
    ]  # fmt: skip
    assert costs(search) == [Decimal("0.008")] * 5


def test_a_month_is_closed_once_and_when_it_is_over(acme: Scope) -> None:
    with pytest.raises(PeriodNotOver):
        close_period(organisation=acme, month=date(2026, 11, 1), reason="Too soon", actor=SYSTEM, at=AT)
    period = close_period(organisation=acme, month=date(2026, 10, 31), reason="Books", actor=SYSTEM, at=AT)
    assert (period.start, period.end) == (date(2026, 10, 1), date(2026, 11, 1))
    for month in (9, 10):
        with pytest.raises(PeriodClosed):
            close_period(organisation=acme, month=date(2026, month, 1), reason="Again", actor=SYSTEM, at=AT)
    assert BillingPeriod.objects.count() == 1
    assert DecisionRecord.objects.filter(action="billing_period.close").count() == 1


def test_adjustments_and_periods_are_kept(acme: Scope) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    rerate(acme)
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Books", actor=SYSTEM, at=AT)
    for change in (
        Adjustment.objects.all().delete, AdjustmentRun.objects.all().delete, BillingPeriod.objects.all().delete,
        lambda: Adjustment.objects.update(cost=0), lambda: BillingPeriod.objects.update(end="2027-01-01"),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_each_meter_has_a_line_with_its_price(acme: Scope) -> None:
    tokens = {"input": 1000, "cached_input": 400, "output": 100, "reasoning": 30}
    record_usage(events=[event(tokens=tokens), event(tokens=tokens)], key_scope_id=acme.pk, at=AT)
    lines = UsageCharge.objects.order_by("meter").values_list(
        "meter", "quantity", "contracted_unit_price", "effective_cost", "list_cost", "requests"
    )
    assert list(lines) == [
        ("cached_input", 800, Decimal("1.25"), Decimal("0.001"), Decimal("0.001"), 2),
        ("input", 1200, Decimal("2.5"), Decimal("0.003"), Decimal("0.003"), 2),
        ("output", 140, Decimal(10), Decimal("0.0014"), Decimal("0.0014"), 2),
        ("reasoning", 60, Decimal(10), Decimal("0.0006"), Decimal("0.0006"), 2),
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"cost": Decimal(7)}, [("input", Decimal(5)), ("output", Decimal(2))]),
        ({"cost": Decimal(7), "model": "x"}, [("input", 0), ("output", 0), ("request", Decimal(7))]),
        ({"model": "x"}, [("input", 0), ("output", 0)]),
        ({"status": "error"}, []),
        ({"cached_response": True}, [("input", 0), ("output", 0)]),
        ({"model": "x", "tokens": {}}, [("request", 0)]),
    ],
)
def test_a_bill_is_spread_by_the_price_list_or_stands_on_the_request(
    acme: Scope, changes: dict[str, Any], wanted: list[tuple[str, Decimal]]
) -> None:
    record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    assert list(UsageCharge.objects.order_by("meter").values_list("meter", "effective_cost")) == wanted
