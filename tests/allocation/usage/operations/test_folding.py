"""What is recorded and charged at once is added to roll-ups, charge lines and tasks by a fold: exactly once, later."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from allocation.usage.engine.counted import Counted, CountedCall
from allocation.usage.models import Task, UsageCharge, UsageDay, UsageJournal, UsageRecord
from allocation.usage.operations import (
    charge_waiting,
    fold_waiting,
    record_usage,
    roll_up_waiting,
    settle,
    try_again,
)
from allocation.usage.operations.journal import Leaving
from allocation.usage.queries import waiting_for_fold
from governance.scopes.models import Scope
from governance.statements.operations import one_message
from governance.work.models import DirtyScope
from tests.allocation.conftest import AT, event, stored_sums
from tests.allocation.corrections.corrected_prices import BOOK, rerate
from tests.allocation.prices.operations.test_price_books import apply_book

SECOND = timedelta(seconds=1)


def leave(batch: Counted) -> None:
    with one_message() as message:
        Leaving(batch).ask(message)


def calls(first: int, last: int, **changes: Any) -> list[Any]:
    return [event(id=f"{n}", task_id=f"t{n % 3}", occurred_at=AT - n * SECOND, **changes) for n in range(first, last)]


def post(acme: Scope, *events: Any, folded: bool = False, at: Any = AT) -> None:
    record_usage(events=events, key_scope_id=acme.pk, at=at, folded=folded)


def test_recorded_usage_waits_in_one_row_and_a_fold_adds_it(acme: Scope, search: Scope) -> None:
    post(acme, *calls(0, 5))
    assert UsageRecord.objects.count() == 5
    assert stored_sums() == [[], [], []]
    assert not Task.objects.exists()
    assert not DirtyScope.objects.exists()
    waiting = waiting_for_fold()
    assert (waiting.since, waiting.calls, waiting.set_aside) == (AT, 5, 0)

    folded = fold_waiting(at=AT + SECOND)

    assert (folded.batches, folded.calls, folded.failed) == (1, 5, 0)
    assert UsageDay.objects.get().requests == 5
    assert Task.objects.count() == 3
    assert set(DirtyScope.objects.values_list("scope_id", flat=True)) == {acme.pk, search.pk}
    assert waiting_for_fold().fresh_to(AT + SECOND) == AT + SECOND
    assert fold_waiting(at=AT).batches == 0


def test_a_repeat_waits_as_a_sign_of_life_and_adds_nothing(acme: Scope, search: Scope) -> None:
    post(acme, *calls(0, 2), folded=True)
    before = stored_sums()
    post(acme, *calls(0, 2), at=AT + SECOND)
    fold_waiting(at=AT + SECOND)
    assert stored_sums() == before


def test_rows_are_taken_oldest_first_and_in_portions(acme: Scope, search: Scope) -> None:
    for n in range(4):
        post(acme, *calls(n * 3, n * 3 + 3))
    assert fold_waiting(at=AT, calls_max=6).calls == 6
    assert fold_waiting(at=AT, calls_max=1).calls == 3, "the oldest is taken whatever its size"
    assert waiting_for_fold().calls == 3
    settle(at=AT)
    assert waiting_for_fold().calls == 0
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 12


def test_roll_ups_come_first_and_tasks_and_charges_after_them(acme: Scope, search: Scope) -> None:
    for n in range(3):
        post(acme, *calls(n * 2, n * 2 + 2))
    assert (roll_up_waiting(at=AT, calls_max=4).calls, UsageDay.objects.get().requests) == (4, 4)
    assert set(DirtyScope.objects.values_list("scope_id", flat=True)) == {acme.pk, search.pk}
    assert (Task.objects.count(), UsageCharge.objects.count()) == (0, 0)
    assert charge_waiting(at=AT).calls == 4, "what no roll-up holds waits"
    assert sum(Task.objects.values_list("requests", flat=True)) == 4
    waiting = waiting_for_fold()
    assert (waiting.calls, waiting.since, waiting.charged_since) == (2, AT, AT)
    roll_up_waiting(at=AT)
    waiting = waiting_for_fold()
    assert (waiting.calls, waiting.since, waiting.charged_since) == (0, None, AT)
    assert roll_up_waiting(at=AT).batches == 0
    assert fold_waiting(at=AT).calls == 2
    assert UsageDay.objects.get().requests == sum(Task.objects.values_list("requests", flat=True)) == 6
    assert sum(UsageCharge.objects.values_list("effective_cost", flat=True)) == UsageDay.objects.get().cost
    assert not UsageJournal.objects.exists()


def test_what_no_task_or_charge_can_hold_is_set_aside_after_the_roll_ups(
    acme: Scope, call_of: Callable[[int], CountedCall]
) -> None:
    batch = Counted(AT.timestamp(), [acme.pk], [call_of(n) for n in range(5)], [])
    # No card of its batch has this number.
    batch.calls[3].card = 8
    leave(batch)
    assert (roll_up_waiting(at=AT).failed, UsageDay.objects.get().requests) == (0, 5)
    assert (charge_waiting(at=AT).calls, UsageJournal.objects.set_aside().get().calls) == (4, 1)
    assert sum(UsageCharge.objects.values_list("effective_cost", flat=True)) == Decimal("0.000004")
    assert try_again() == 1
    assert roll_up_waiting(at=AT).batches == 0, "roll-ups hold it"
    assert (charge_waiting(at=AT).failed, UsageDay.objects.get().requests) == (1, 5)


def unknown_scope(call_of: Callable[[int], CountedCall], acme: Scope) -> Counted:
    batch = Counted(AT.timestamp(), [acme.pk], [call_of(n) for n in range(9)], [])
    batch.calls[6].scope_id = 2**40
    return batch


@pytest.fixture
def call_of(search: Scope, acme: Scope) -> Callable[[int], CountedCall]:
    def call(number: int) -> CountedCall:
        at_s = AT.timestamp()
        return CountedCall(
            acme.pk, search.pk, f"{number:032x}", "", at_s, at_s, "openai", "gpt-4o", "inference", "standard",
            "provider", "", -1, 0, False, 1, 100, 0, 0, 10, 0, 1_000,
        )  # fmt: skip

    return call


def test_a_record_that_cannot_be_folded_is_set_aside_and_the_others_go_on(
    acme: Scope, call_of: Callable[[int], CountedCall], caplog: pytest.LogCaptureFixture
) -> None:
    post(acme, *calls(0, 2))
    leave(unknown_scope(call_of, acme))
    post(acme, *calls(2, 4))

    folded = fold_waiting(at=AT)

    assert (folded.calls, folded.failed) == (2 + 8 + 2, 1)
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 12
    left = UsageJournal.objects.get()
    assert (left.calls, left.failed_at) == (1, AT)
    assert str(2**40) in left.error
    assert "cannot be folded" in caplog.text
    assert waiting_for_fold().set_aside == 1
    assert fold_waiting(at=AT).batches == 0, "it is not tried again by itself"


def test_what_was_set_aside_is_folded_once_its_cause_is_mended(
    acme: Scope, search: Scope, call_of: Callable[[int], CountedCall]
) -> None:
    batch = unknown_scope(call_of, acme)
    leave(batch)
    fold_waiting(at=AT)
    batch.calls[6].scope_id = search.pk
    leave(Counted(batch.received_s, [], [batch.calls[6]], []))
    mended = UsageJournal.objects.waiting().get()
    UsageJournal.objects.set_aside().update(counted=mended.counted)
    mended.delete()
    assert try_again() == 1
    assert fold_waiting(at=AT).calls == 1
    assert UsageDay.objects.get().requests == 9


def test_a_row_that_cannot_be_read_is_kept_and_told_of(acme: Scope, search: Scope) -> None:
    UsageJournal.objects.create(received_at=AT, calls=3, counted=b"not json")
    post(acme, *calls(0, 2))
    folded = fold_waiting(at=AT)
    assert (folded.batches, folded.calls, folded.failed) == (2, 2, 1)
    assert bytes(UsageJournal.objects.get().counted) == b"not json"


def test_a_correction_counts_what_still_waited(acme: Scope, search: Scope) -> None:
    events = calls(0, 4, provider="openai", model="gpt-4o", tokens={"input": 1000, "output": 0})
    post(acme, *events)
    apply_book(BOOK.format(price="3"))
    rerate(acme)
    assert waiting_for_fold().calls == 0
    day = UsageDay.objects.get()
    assert (day.requests, sum(Task.objects.values_list("requests", flat=True))) == (4, 4)
    assert sum(Task.objects.values_list("cost", flat=True)) == day.cost


@pytest.mark.django_db(transaction=True)
def test_two_folds_at_once_add_each_batch_once(acme: Scope, search: Scope) -> None:
    for n in range(20):
        post(acme, *calls(n * 5, n * 5 + 5))
    start, failures = Barrier(3), list[BaseException]()

    def run() -> None:
        try:
            start.wait()
            while fold_waiting(at=AT, calls_max=10).batches:
                pass
        except BaseException as problem:  # noqa: BLE001  # shown by the test
            failures.append(problem)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle(at=AT)
    assert not failures
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 100
    assert sorted(Task.objects.values_list("requests", flat=True)) == [33, 33, 34]
    assert sum(UsageDay.objects.values_list("cost", flat=True), Decimal(0)) == sum(
        UsageRecord.objects.values_list("cost", flat=True), Decimal(0)
    )


def test_the_command_folds_what_waits_and_what_was_set_aside(
    acme: Scope, call_of: Callable[[int], CountedCall], capsys: pytest.CaptureFixture[str]
) -> None:
    post(acme, *calls(0, 3))
    leave(unknown_scope(call_of, acme))
    call_command("fold_usage", "--once")
    assert capsys.readouterr().out == "11 records folded, 1 set aside.\n"
    call_command("fold_usage", "--once", "--again")
    assert capsys.readouterr().out == (
        "1 batches that were set aside wait for the fold again.\n0 records folded, 1 set aside.\n"
    )
