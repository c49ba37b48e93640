"""Usage that counts no more and counts again: every figure goes to nothing and comes back, records stay."""

from decimal import Decimal
from typing import Any

from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations import begin_run, count_again, rerate_usage, take_back
from allocation.usage.models import Task, TaskDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.corrections.corrected_prices import BOOK, NOVEMBER, costs, rerate
from tests.allocation.corrections.reattributed import by_scope
from tests.allocation.prices.operations.test_price_books import apply_book


def begun(root: Scope, kind: str = AdjustmentKind.TAKE_BACK) -> AdjustmentRun:
    since, until = NOVEMBER
    return begin_run(kind=kind, organisation=root, since=since, until=until, reason="A test", actor=SYSTEM, at=AT)


def told(root: Scope, *changes: dict[str, Any]) -> list[UsageRecord]:
    record_usage(events=[event(**each) for each in changes], key_scope_id=root.pk, at=AT)
    return list(UsageRecord.objects.order_by("event_id"))


def tasks() -> list[tuple[int, int, Decimal]]:
    return list(TaskDay.objects.values_list("tasks", "requests", "cost"))


def test_all_a_record_counts_for_goes_and_comes_back(acme: Scope, search: Scope) -> None:
    records = told(acme, {"task_id": "t"}, {"status": "error"}, {"cost": Decimal(-2)}, {"model": "nobody-knows"})
    before, stored = by_scope(), list(UsageRecord.objects.order_by("pk").values())
    for _time in range(2):
        run = begun(acme)
        assert [take_back(run=run, records=records, at=AT) for _twice in range(2)] == [4, 0]
        assert (by_scope(), costs(search), tasks()) == ({}, [Decimal(0)] * 5, [(0, 0, Decimal(0))])
        run = begun(acme, AdjustmentKind.COUNT_AGAIN)
        assert [count_again(run=run, records=records, at=AT) for _twice in range(2)] == [4, 0]
        assert (by_scope(), tasks()) == (before, [(1, 1, Decimal("0.0035"))])
    assert list(UsageRecord.objects.order_by("pk").values()) == stored
    assert Task.objects.get().cost == Decimal("0.0035")


def test_what_was_taken_back_is_not_priced_again(acme: Scope, search: Scope) -> None:
    kept, gone = told(acme, {"id": "a"}, {"id": "b"})
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).corrected == 2
    take_back(run=begun(acme), records=[gone], at=AT)
    assert costs(search) == [Decimal("0.004")] * 5
    apply_book(BOOK.format(price="5"))
    since, until = NOVEMBER
    again = rerate_usage(organisation=acme, since=since, until=until, reason="Dearer", actor=SYSTEM, at=AT)
    assert (again.corrected, costs(search)) == (1, [Decimal("0.006")] * 5)
    # It comes back at what it cost when it went.
    count_again(run=begun(acme, AdjustmentKind.COUNT_AGAIN), records=[kept, gone], at=AT)
    assert costs(search) == [Decimal("0.01")] * 5


def test_a_task_whose_calls_went_begins_with_the_next(acme: Scope) -> None:
    records = told(acme, {"task_id": "t"})
    take_back(run=begun(acme), records=records, at=AT)
    told(acme, {"task_id": "t", "cost": Decimal(3)})
    assert tasks() == [(1, 1, Decimal(3))]
