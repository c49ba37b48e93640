"""Variances: cases worked out by hand, and what holds for every pair of periods."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.variance import PARTS, Effects, UsageLine, Variance, variance_of

Pair = tuple[int, int]
M = 1_000_000
NANO = 10**9
NO_ACTIVITY = ActivityCounts()


def line(
    model: str,
    used: tuple[int, int],
    cost: tuple[int, int],
    *,
    kind: str = "input",
    unit: str = "token",
    provider: str = "openai",
) -> UsageLine:
    """`used` in whole units, `cost` in whole currency."""
    part = PARTS.get(unit, 1)
    return UsageLine(provider, model, kind, unit, (used[0] * part, used[1] * part), (cost[0] * NANO, cost[1] * NANO))


def shown(effects: Effects) -> dict[str, Decimal]:
    return {name: Decimal(amount) / NANO for name, amount in zip(Effects._fields, effects, strict=True) if amount}


def test_the_price_halves_and_use_triples() -> None:
    variance = variance_of([line("gpt", (100 * M, 300 * M), (1000, 1500))], NO_ACTIVITY)
    assert shown(variance.effects) == {"volume": 1500, "price": -1000}
    assert (variance.driver, variance.rebound_ratio, variance.is_jevons) == (Driver.TOKENS, Decimal("1.5000"), True)
    assert (variance.price_index, variance.elasticity) == (Decimal("0.5"), Decimal("-1.5850"))


def test_three_times_the_tasks_at_half_the_tokens_each() -> None:
    activity = ActivityCounts(tasks=(100, 300), task_requests=(100, 300), requests=(100, 300))
    variance = variance_of([line("gpt", (200 * M, 300 * M), (2000, 3000))], activity)
    assert variance.driver == Driver.TASKS
    assert shown(variance.effects) == {"volume": 3000, "intensity": -2000}


@pytest.mark.parametrize(
    ("lines", "wanted", "status"),
    [
        pytest.param(
            [line("a", (100, 0), (100, 0)), line("b", (0, 100), (0, 300))],
            {"mix": 200},
            ["entered", "left"],
            id="one model takes the place of another: mix, valued at the one known price",
        ),
        pytest.param(
            [line("a", (100, 50), (100, 50)), line("b", (100, 150), (300, 450))],
            {"mix": 100},
            ["kept", "kept"],
            id="a shift to the more expensive model",
        ),
        pytest.param(
            [
                line("a", (80, 40), (80, 40), kind="input"),
                line("a", (20, 60), (2, 6), kind="cached_input"),
            ],
            {"mix": -36},
            ["kept"],
            id="more of it cached, at the same prices",
        ),
        pytest.param([line("a", (0, 5), (0, 50))], {"volume": 50}, ["entered"], id="a new scope is all volume"),
        pytest.param([line("a", (5, 0), (50, 0))], {"volume": -50}, ["left"], id="and so is one that ends"),
        pytest.param([line("a", (5, 5), (0, 50))], {"price": 50}, ["kept"], id="what was free has a price"),
        pytest.param([], {}, [], id="nothing at all"),
        pytest.param(
            [line("a", (10, 10), (5, 5)), line("a", (0, 0), (0, -3), kind="adjustment", unit="")],
            {"adjustments": -3},
            ["kept"],
            id="a correction moves money without a quantity",
        ),
        pytest.param(
            [line("a", (0, 0), (0, 7), kind="adjustment", unit="")], {"adjustments": 7}, ["adjusted"], id="only that"
        ),
    ],
)  # fmt: skip
def test_cases(lines: list[UsageLine], wanted: dict[str, int], status: list[str]) -> None:
    variance = variance_of(lines, NO_ACTIVITY)
    assert shown(variance.effects) == wanted
    assert sorted(model.status for model in variance.models) == status


def test_entered_left_and_kept_models_and_kinds_are_lines_of_the_mix() -> None:
    variance = variance_of(
        [
            line("old", (100, 0), (100, 0)),
            line("new", (0, 100), (0, 300)),
            line("kept", (60, 20), (60, 20)),
            line("kept", (40, 80), (4, 8), kind="cached_input"),
        ],
        NO_ACTIVITY,
    )
    assert shown(variance.effects) == {"mix": 164}
    assert [variance.mix_of(status) / NANO for status in ("entered", "left", "kept")] == [300, -100, 0]
    assert variance.kind_mix / NANO == -36


def test_units_are_kept_apart() -> None:
    """Tokens per task rise, GPU hours fall: neither can be counted in the other."""
    activity = ActivityCounts(tasks=(10, 10), task_requests=(10, 10), requests=(10, 10))
    variance = variance_of(
        [line("a", (100, 200), (10, 20)), line("own", (4, 2), (40, 20), kind="gpu_hour", unit="gpu_hour")], activity
    )
    assert shown(variance.effects) == {"intensity": -10}
    assert {model.model: shown(model.effects) for model in variance.models} == {
        "a": {"intensity": 10}, "own": {"intensity": -20},
    }  # fmt: skip


def test_an_activity_that_does_not_cover_the_use_gives_way_to_the_use() -> None:
    activity = ActivityCounts(tasks=(9, 1), task_requests=(9, 1), requests=(10, 10))
    variance = variance_of([line("a", (100, 200), (10, 20))], activity)
    assert (variance.driver, shown(variance.effects)) == (Driver.REQUESTS, {"intensity": 10})
    assert variance.driver_reason == "only 10 % name their task"
    requested = variance_of([line("a", (100, 200), (10, 20))], replace(activity, tasks=(9, 0)), driver=Driver.TASKS)
    assert requested.driver == Driver.REQUESTS
    assert requested.driver_reason.startswith("tasks were asked for, but one period has none")


# --- laws -------------------------------------------------------------------------------------------------------

quantities = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
positive = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))
money = st.integers(0, 10**15)
counts = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))


@st.composite
def lines_of(draw: st.DrawFn, models: str = "abcd") -> list[UsageLine]:
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from(models),
                st.sampled_from(
                    [("input", "token"), ("cached_input", "token"), ("output", "token"), ("gpu_hour", "gpu_hour"),
                     ("request", "request"), ("adjustment", "")]
                ),
            ),
            unique=True,
            max_size=8,
        )
    )  # fmt: skip
    lines = []
    for model, (kind, unit) in keys:
        used = draw(quantities) if unit else (0, 0)
        cost = tuple(
            draw(st.integers(-(10**15), 10**15)) if not unit else draw(money) if used[of] else 0 for of in (0, 1)
        )
        lines.append(UsageLine("p", model, kind, unit, used, cost))  # type: ignore[arg-type]  # a pair
    return lines


activities = st.builds(
    lambda requests, share, tasks: ActivityCounts(
        tasks=tasks, task_requests=(requests[0] * share // 10, requests[1] * share // 10), requests=requests
    ),
    counts, st.integers(0, 10), counts,
)  # fmt: skip


def negated(effects: Sequence[int]) -> list[int]:
    return [-part for part in effects]


def by_model(variance: Variance) -> dict[tuple[str, str], tuple[Effects, int]]:
    return {(model.provider, model.model): (model.effects, model.kind_mix) for model in variance.models}


@given(lines_of(), activities)
@settings(max_examples=300)
def test_the_effects_and_the_models_sum_to_the_change(lines: list[UsageLine], activity: ActivityCounts) -> None:
    variance = variance_of(lines, activity)
    assert sum(variance.effects) == variance.change
    for model in variance.models:
        assert sum(model.effects) == model.change
    for place, column in enumerate(variance.effects):
        assert sum(model.effects[place] for model in variance.models) == column
    parts = [variance.mix_of(status) for status in ("entered", "left", "kept", "adjusted")]
    assert sum(parts) + variance.kind_mix == variance.effects.mix


@given(lines_of(), activities)
@settings(max_examples=300)
def test_swapping_the_periods_negates(lines: list[UsageLine], activity: ActivityCounts) -> None:
    variance = variance_of(lines, activity)
    back = variance_of(
        [replace(each, used=each.used[::-1], cost=each.cost[::-1]) for each in lines], activity.swapped()
    )
    assert list(back.effects) == negated(variance.effects)
    assert {key: (negated(row), -kind) for key, (row, kind) in by_model(back).items()} == {
        key: (list(row), kind) for key, (row, kind) in by_model(variance).items()
    }


@given(lines_of(), activities, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_the_names_of_models_change_nothing(
    lines: list[UsageLine], activity: ActivityCounts, random: Random
) -> None:
    variance = variance_of(lines, activity)
    shuffled = random.sample(lines, len(lines))
    assert variance_of(shuffled, activity) == variance
    renamed = [replace(each, model=f"zz{each.model}") for each in shuffled]
    assert variance_of(renamed, activity).effects == variance.effects


@given(lines_of("abc"), activities, st.integers(0, 10**6), st.integers(0, 10**6), positive, positive)
def test_merging_two_models_of_the_same_price_changes_neither_volume_nor_price(
    lines: list[UsageLine], activity: ActivityCounts, old: int, new: int, first: Pair, second: Pair
) -> None:
    """Whatever their kinds of use: one may have far more of it cached than the other."""

    def of_price(model: str, used: tuple[int, int], cached: tuple[int, int]) -> list[UsageLine]:
        return [
            UsageLine("p", model, "input", "token", used, (used[0] * old, used[1] * new)),
            UsageLine("p", model, "cached_input", "token", cached, (cached[0] * old // 10, cached[1] * new // 10)),
        ]

    used, cached = ((a * 10, b * 10) for a, b in (first, second))
    apart = variance_of([*lines, *of_price("x", used, cached), *of_price("y", cached, used)], activity)
    both = (used[0] + cached[0], used[1] + cached[1])
    merged = variance_of([*lines, *of_price("x", both, both)], activity)
    assert merged.effects == apart.effects


@given(lines_of(), activities)
def test_totals_without_models_are_the_same(lines: list[UsageLine], activity: ActivityCounts) -> None:
    assert variance_of(lines, activity, by_model=False).effects == variance_of(lines, activity).effects


def by_every_order(lines: list[UsageLine], activity: tuple[int, int]) -> list[Fraction]:
    """The definition: every order in which activity, use per activity, shares and prices change one by one."""
    total = [sum(each.used[of] for each in lines) for of in (0, 1)]

    def cost(activity_of: int, intensity_of: int, shares_of: int, prices_of: int) -> Fraction:
        per = Fraction(total[intensity_of], activity[intensity_of])
        return (
            activity[activity_of]
            * per
            * sum(
                Fraction(each.used[shares_of], total[shares_of]) * Fraction(each.cost[prices_of], each.used[prices_of])
                for each in lines
            )
        )

    added = [Fraction(0)] * 4
    orders = list(permutations(range(4)))
    for order in orders:
        state = [0, 0, 0, 0]
        for factor in order:
            before = cost(*state)
            state[factor] = 1
            added[factor] += cost(*state) - before
    return [part / len(orders) for part in added]


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=4), positive)
def test_the_closed_form_is_the_average_over_all_orders(pairs: list[tuple[Pair, Pair]], tasks: Pair) -> None:
    lines = [UsageLine("p", f"m{number}", "input", "token", used, cost) for number, (used, cost) in enumerate(pairs)]
    variance = variance_of(lines, ActivityCounts(tasks=tasks, task_requests=tasks, requests=tasks))
    wanted = by_every_order(lines, tasks)
    assert all(abs(got - exact) <= 2 for got, exact in zip(variance.effects, wanted, strict=False))
