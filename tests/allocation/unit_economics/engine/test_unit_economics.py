from datetime import date
from decimal import Decimal

import pytest

from allocation.outcomes.engine import OutcomeSums
from allocation.unit_economics.engine.unit_economics import (
    AGAINST_BASELINE,
    CACHE_HIT,
    GPU_HOUR_COST,
    GPU_UTILISATION,
    INFERENCE_COST,
    TASK_COST,
    TOKEN_COST,
    TOKEN_MULTIPLIER,
    TOKENS_PER_TASK,
    UNPRICED,
    Measure,
    Ratio,
    ScopeSums,
    TaskSums,
    Trend,
    UsageSums,
    deviation,
    efficiency,
    ratio,
    shares,
    sums_by_period,
    total_of,
    trend_periods,
    unit_costs,
)

D = Decimal
INFERENCE = UsageSums(
    requests=10, errors=1, unpriced_requests=2, tokens=4000, input_tokens=3000, cached_input_tokens=600, cost=D(14),
    token_cost=D(12),
)  # fmt: skip
RETRIEVAL = UsageSums(requests=5, gpu_seconds=D(7200), cost=D(6), gpu_cost=D(6))
TASKS = TaskSums(tasks=4, first_call_tokens=1000, tokens=3200, cost=D(10))
OUTCOMES = {
    ("outcome", "ticket"): OutcomeSums(count=4, successful=2),
    ("outcome", "sale"): OutcomeSums(count=1),
    ("action", "mail"): OutcomeSums(count=8, successful=8),
}
SUMS = ScopeSums({"inference": INFERENCE, "retrieval": RETRIEVAL}, TASKS, OUTCOMES)


def test_a_ratio_is_of_nine_places_and_of_nothing_a_reason() -> None:
    assert ratio(2, 3, empty="none") == Ratio(2, 3, D("0.666666667"))
    assert ratio(D("1e-9"), 2, empty="none").value == D(0)
    assert ratio(2, 0, empty="Nobody came.") == Ratio(2, 0, None, "Nobody came.")


def test_every_unit_is_counted_from_what_belongs_to_it() -> None:
    assert unit_costs(SUMS) == {
        INFERENCE_COST: Ratio(D(14), 7, D(2)),
        TOKEN_COST: Ratio(D(12), D(4), D(3)),
        TASK_COST: Ratio(D(10), 4, D("2.5")),
        Measure("outcome", "ticket"): Ratio(D(20), 4, D(5)),
        Measure("successful_outcome", "ticket"): Ratio(D(20), 2, D(10)),
        Measure("outcome", "sale"): Ratio(D(20), 1, D(20)),
        Measure("successful_outcome", "sale"): Ratio(D(20), 0, None, "No outcome was a success."),
        Measure("action", "mail"): Ratio(D(20), 8, D("2.5")),
        Measure("outcome"): Ratio(D(20), 5, D(4)),
        Measure("successful_outcome"): Ratio(D(20), 2, D(10)),
        GPU_HOUR_COST: Ratio(D(6), D(2), D(3)),
    }


def test_where_nothing_was_used_every_figure_is_a_reason() -> None:
    figures = (
        unit_costs(ScopeSums()) | efficiency(ScopeSums(), TaskSums(), reserved_gpu_seconds=None) | shares(ScopeSums())
    )
    assert {figure.value for figure in figures.values()} == {None}
    assert all(figure.reason for figure in figures.values())


def test_efficiency_says_how_the_units_came_about() -> None:
    before = TaskSums(tasks=2, tokens=800)
    assert efficiency(SUMS, before, reserved_gpu_seconds=D(14400)) == {
        TOKENS_PER_TASK: Ratio(3200, 4, D(800)),
        AGAINST_BASELINE: Ratio(D(800), D(400), D(2)),
        TOKEN_MULTIPLIER: Ratio(3200, 1000, D("3.2")),
        CACHE_HIT: Ratio(600, 3000, D("0.2")),
        GPU_UTILISATION: Ratio(D(7200), D(14400), D("0.5")),
        UNPRICED: Ratio(2, 14, D("0.142857143")),
    }


@pytest.mark.parametrize(
    ("baseline", "reserved", "reasons"),
    [
        (TaskSums(), None, ("No task in the 28 days before.", "No GPU capacity is stated.")),
        (TaskSums(tasks=2), D(0), ("The tasks before had no tokens.", "No GPU was reserved.")),
    ],
)
def test_what_cannot_be_compared_says_why(
    baseline: TaskSums, reserved: Decimal | None, reasons: tuple[str, str]
) -> None:
    figures = efficiency(SUMS, baseline, reserved_gpu_seconds=reserved)
    assert (figures[AGAINST_BASELINE].reason, figures[GPU_UTILISATION].reason) == reasons


def test_shares_of_the_cost_are_told_for_every_activity() -> None:
    assert [figure.value for figure in shares(SUMS).values()] == [D("0.7"), D("0.3"), D(0), D(0), D(0)]


@pytest.mark.parametrize(
    ("value", "target", "part"),
    [(D(3), D(2), D("0.5")), (D(1), D(3), D("-0.666666667")), (D(2), D(2), D(0)), (None, D(2), None)],
)
def test_a_deviation_is_a_part_of_the_target(value: Decimal | None, target: Decimal, part: Decimal | None) -> None:
    assert deviation(value, target) == part


@pytest.mark.parametrize(
    ("trend", "firsts"),
    [
        ("day", [(30, 31), (31, 1), (1, 2)]),
        ("week", [(30, 2)]),
        ("month", [(30, 1), (1, 2)]),
    ],
)
def test_days_are_cut_at_days_mondays_or_firsts_of_months(trend: Trend, firsts: list[tuple[int, int]]) -> None:
    found = trend_periods(date(2026, 10, 30), date(2026, 11, 2), trend)
    assert [(start.day, end.day) for start, end in found] == firsts


def test_an_empty_stretch_has_no_cut() -> None:
    assert trend_periods(date(2026, 10, 30), date(2026, 10, 30), "day") == []


def test_stretches_add_up_to_the_whole() -> None:
    days = {date(2026, 11, day): ScopeSums({"inference": UsageSums(requests=day)}) for day in (1, 2, 9, 30)}
    cuts = trend_periods(date(2026, 11, 1), date(2026, 12, 1), "week")
    weeks = sums_by_period(days, cuts)
    assert [week.all_usage.requests for week in weeks] == [1, 2, 9, 0, 0, 30]
    assert total_of(weeks).all_usage == total_of(days.values()).all_usage == UsageSums(requests=42)
