from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from allocation.corrections.engine.corrections import Correction, correction_sums
from allocation.usage.engine.roll_ups import Key, Sums
from allocation.usage.engine.tasks import DaySums, TaskKey

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = date(2026, 11, 24)
TASK = TaskKey(1, "t")
AWAY = Correction(
    record_id="ab" * 16, occurred_at=AT, booked_s=AT.timestamp() + 59, is_closed=False, root_id=1, scope_id=7,
    provider="openai", model="gpt-4o", activity="inference", service_tier="standard", task_id="t",
    sums=Sums(requests=-1, input_tokens=-100, output_tokens=-10, cost_nanos=-5000, last_s=AT.timestamp()),
    list_nanos=-8000,
)  # fmt: skip
THERE = replace(
    AWAY, scope_id=8, attribution="acme:search",
    sums=Sums(requests=1, input_tokens=100, output_tokens=10, cost_nanos=5000, last_s=AT.timestamp()),
    list_nanos=8000,
)  # fmt: skip


def key(scope_id: int, start: float) -> Key:
    return Key(int(start), scope_id, "openai", "gpt-4o", "inference")


def test_a_record_that_moves_is_taken_away_here_and_added_there() -> None:
    found = correction_sums([AWAY, THERE])
    assert found.minutes == {key(7, AT.timestamp()): AWAY.sums, key(8, AT.timestamp()): THERE.sums}
    cost = Decimal("0.000005")
    assert found.task_days == {
        (7, DAY): DaySums(requests=-1, tokens=-110, cost=-cost), (8, DAY): DaySums(requests=1, tokens=110, cost=cost),
    }  # fmt: skip
    assert {task: sums.is_nothing() for task, sums in found.tasks.items()} == {TASK: True}
    assert found.first_calls == {TASK: [("ab" * 16, 8)]}


def test_what_moves_there_and_back_comes_to_nothing() -> None:
    back = replace(THERE, sums=AWAY.sums, list_nanos=AWAY.list_nanos)
    found = correction_sums([THERE, back])
    [sums] = found.minutes.values()
    assert sums == Sums(last_s=AT.timestamp())
    assert {
        charge.scope_id: (each.requests, each.billed_nanos, each.list_nanos) for charge, each in found.charges.items()
    } == {8: (0, 0, 0)}


def test_a_price_alone_moves_no_request_and_no_first_call() -> None:
    found = correction_sums([replace(AWAY, sums=Sums(cost_nanos=250, last_s=AT.timestamp()))])
    assert found.task_days == {(7, DAY): DaySums(cost=Decimal("2.5E-7"))}
    assert (found.tasks[TASK], found.first_calls) == (DaySums(cost=Decimal("2.5E-7")), {})


def test_a_record_of_no_task_changes_no_task() -> None:
    found = correction_sums([replace(AWAY, task_id=""), replace(THERE, task_id="")])
    assert (found.task_days, found.tasks, found.first_calls) == ({}, {}, {})
    assert len(found.minutes) == 2


def test_a_closed_periods_correction_is_told_from_an_open_ones() -> None:
    classes = [
        {charge.charge_class for charge in correction_sums([replace(AWAY, is_closed=closed)]).charges}
        for closed in (False, True)
    ]
    assert classes[0].isdisjoint(classes[1])
    assert all(classes)


def test_nothing_to_correct_is_nothing() -> None:
    found = correction_sums([])
    assert (found.minutes, found.charges, found.task_days, found.tasks, found.first_calls) == ({}, {}, {}, {}, {})
