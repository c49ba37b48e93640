from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from allocation.usage.engine.call_prices import FAILED
from allocation.usage.engine.costing import CostedRecord, identity
from allocation.usage.engine.counted import counted
from allocation.usage.engine.tasks import DayKey, DaySums, FirstCall, TaskKey, TaskSums, merge_tasks, moved
from tests.allocation.usage.costed import NOON_S, costed
from tests.allocation.usage.counted_sums import task_sums

DAY = date(2026, 11, 24)
DAY_S = 86_400
COST = Decimal("0.000001")
TASK = TaskKey(1, "t")


def call(number: int, **changes: object) -> CostedRecord:
    return costed(number, **({"task_id": "t"} | changes))  # type: ignore[arg-type]


def test_calls_of_a_task_are_summed_with_the_first_of_them() -> None:
    records = [
        call(1, after_s=20, scope_id=8),
        call(2, after_s=10, tokens={"input": 5, "output": 1}),
        call(3, after_s=30, status="error", price=FAILED, tokens={}),
        call(4, task_id=""),
        call(5, task_id="other", requests=2),
        call(6, root_id=2),
    ]
    tasks, days = task_sums([counted(records)])
    assert tasks == {
        TASK: TaskSums(
            FirstCall(NOON_S + 10, identity(1, "gateway", "2"), 7, DAY, 6), NOON_S + 30, 3, 1, 1106, 2 * COST
        ),
        TaskKey(1, "other"): TaskSums(
            FirstCall(NOON_S, identity(1, "gateway", "5"), 7, DAY, 1100), NOON_S, 2, 0, 1100, COST
        ),
        TaskKey(2, "t"): TaskSums(
            FirstCall(NOON_S, identity(2, "gateway", "6"), 7, DAY, 1100), NOON_S, 1, 0, 1100, COST
        ),
    }
    assert days == {
        (7, DAY): DaySums(requests=5, errors=1, tokens=2206, cost=3 * COST),
        (8, DAY): DaySums(requests=1, tokens=1100, cost=COST),
    }


def test_of_two_calls_of_one_instant_the_lower_identity_is_the_first() -> None:
    both = [call(1, scope_id=7), call(2, scope_id=8)]
    lower = min(both, key=lambda record: record.id)
    for records in (both, both[::-1]):
        first = task_sums([counted(records)])[0][TASK].first
        assert first is not None
        assert (first.record_id, first.scope_id) == (lower.id, lower.scope_id)


def test_what_came_too_late_for_a_closed_period_takes_no_task_out_of_it() -> None:
    late = call(1, after_s=-40 * DAY_S, booked_after_s=DAY_S)
    first = task_sums([counted([late, call(2)])])[0][TASK].first
    assert first is not None
    assert (first.record_id, first.on) == (identity(1, "gateway", "2"), DAY)


def first_call(at_s: float, scope_id: int = 7, tokens: int = 10) -> FirstCall:
    return FirstCall(at_s, f"{int(at_s):032x}", scope_id, DAY, tokens)


def test_a_task_begins_once_and_where_its_earliest_call_lies() -> None:
    days: dict[DayKey, DaySums] = {}
    one = {TASK: TaskSums(first_call(20), 20, 1, 0, 10)}
    after = merge_tasks({}, one, days)
    assert (after, days) == (one, {(7, DAY): DaySums(tasks=1, first_call_tokens=10)})
    later = merge_tasks(after, {TASK: TaskSums(first_call(30), 30, 1, 1, 5, COST)}, days := {})
    assert (later[TASK], days) == (TaskSums(first_call(20), 30, 2, 1, 15, COST), {})
    earlier = merge_tasks(later, {TASK: TaskSums(first_call(10, 8, 3), 10, 1, 0, 3)}, days)
    assert earlier[TASK] == TaskSums(first_call(10, 8, 3), 30, 3, 1, 18, COST)
    assert days == {
        (7, DAY): DaySums(tasks=-1, first_call_tokens=-10), (8, DAY): DaySums(tasks=1, first_call_tokens=3),
    }  # fmt: skip


CALLS = st.lists(
    st.builds(
        lambda after_s, scope_id, task: (after_s, scope_id, task),
        st.integers(0, 5), st.sampled_from([7, 8]), st.sampled_from(["t", "u"]),
    ),
    max_size=8,
)  # fmt: skip


@given(CALLS, st.integers(0, 8))
def test_two_batches_are_as_one_in_either_order(calls: list[tuple[int, int, str]], cut: int) -> None:
    records = [
        call(number, after_s=after_s, scope_id=scope_id, task_id=task)
        for number, (after_s, scope_id, task) in enumerate(calls)
    ]

    def kept(*batches: list[CostedRecord]) -> tuple[dict[TaskKey, TaskSums], dict[DayKey, DaySums]]:
        tasks: dict[TaskKey, TaskSums] = {}
        totals: dict[DayKey, DaySums] = {}
        for batch in batches:
            added, days = task_sums([counted(batch)])
            tasks |= merge_tasks(tasks, added, days)
            for key, sums in days.items():
                totals.setdefault(key, DaySums()).add(sums)
        return tasks, {key: sums for key, sums in totals.items() if not sums.is_nothing()}

    whole = kept(records)
    assert kept(records[:cut], records[cut:]) == kept(records[cut:], records[:cut]) == whole
    assert sum(sums.tasks for sums in whole[1].values()) == len(whole[0])


def test_a_first_call_moves_with_its_record() -> None:
    assert moved(first_call(10), 9) == first_call(10, 9)


def test_nothing_is_nothing_and_a_change_that_cancels_itself_is_something() -> None:
    assert DaySums().is_nothing()
    assert not DaySums(tasks=-1).is_nothing()
    assert not DaySums(cost=COST).is_nothing()
