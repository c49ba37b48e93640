"""What moved: cases worked out by hand, and what holds for every pair of periods."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.variance.engine.drivers import Activity, Driver
from allocation.variance.engine.variance import PARTS, Effects, Line, Variance, variance_of

Pair = tuple[int, int]
M = 1_000_000
NANO = 10**9
NO_ACTIVITY = Activity()


def line(
    model: str,
    used: tuple[int, int],
    cost: tuple[int, int],
    *,
    kind: str = "input",
    unit: str = "token",
    provider: str = "openai",
) -> Line:
    """`used` in whole units, `cost` in whole currency."""
    part = PARTS.get(unit, 1)
    return Line(provider, model, kind, unit, (used[0] * part, used[1] * part), (cost[0] * NANO, cost[1] * NANO))


def shown(effects: Effects) -> dict[str, Decimal]:
    return {name: Decimal(amount) / NANO for name, amount in zip(Effects._fields, effects, strict=True) if amount}


def test_the_price_halves_and_use_triples() -> None:
    moved = variance_of([line("gpt", (100 * M, 300 * M), (1000, 1500))], NO_ACTIVITY)
    assert shown(moved.effects) == {"volume": 1500, "price": -1000}
    assert (moved.driver, moved.rebound_ratio, moved.is_jevons) == (Driver.TOKENS, Decimal("1.5000"), True)
    assert (moved.price_index, moved.elasticity) == (Decimal("0.5"), Decimal("-1.5850"))


def test_three_times_the_tasks_at_half_the_tokens_each() -> None:
    activity = Activity(tasks=(100, 300), task_requests=(100, 300), requests=(100, 300))
    moved = variance_of([line("gpt", (200 * M, 300 * M), (2000, 3000))], activity)
    assert moved.driver == Driver.TASKS
    assert shown(moved.effects) == {"volume": 3000, "intensity": -2000}


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
            id="a shift to the dearer model",
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
def test_cases(lines: list[Line], wanted: dict[str, int], status: list[str]) -> None:
    moved = variance_of(lines, NO_ACTIVITY)
    assert shown(moved.effects) == wanted
    assert sorted(one.status for one in moved.models) == status


def test_entered_left_and_kept_models_and_kinds_are_lines_of_the_mix() -> None:
    moved = variance_of(
        [
            line("old", (100, 0), (100, 0)),
            line("new", (0, 100), (0, 300)),
            line("kept", (60, 20), (60, 20)),
            line("kept", (40, 80), (4, 8), kind="cached_input"),
        ],
        NO_ACTIVITY,
    )
    assert shown(moved.effects) == {"mix": 164}
    assert [moved.mix_of(status) / NANO for status in ("entered", "left", "kept")] == [300, -100, 0]
    assert moved.kind_mix / NANO == -36


def test_units_are_told_apart() -> None:
    """Tokens per task rise, GPU hours fall: neither can be counted in the other."""
    activity = Activity(tasks=(10, 10), task_requests=(10, 10), requests=(10, 10))
    moved = variance_of(
        [line("a", (100, 200), (10, 20)), line("own", (4, 2), (40, 20), kind="gpu_hour", unit="gpu_hour")], activity
    )
    assert shown(moved.effects) == {"intensity": -10}
    assert {one.model: shown(one.effects) for one in moved.models} == {
        "a": {"intensity": 10}, "own": {"intensity": -20},
    }  # fmt: skip


def test_an_activity_that_does_not_cover_the_use_gives_way_to_the_use() -> None:
    activity = Activity(tasks=(9, 1), task_requests=(9, 1), requests=(10, 10))
    moved = variance_of([line("a", (100, 200), (10, 20))], activity)
    assert (moved.driver, shown(moved.effects)) == (Driver.REQUESTS, {"intensity": 10})
    assert moved.driver_reason == "only 10 % name their task"
    asked = variance_of([line("a", (100, 200), (10, 20))], replace(activity, tasks=(9, 0)), driver=Driver.TASKS)
    assert asked.driver == Driver.REQUESTS
    assert asked.driver_reason.startswith("tasks were asked for, but one period has none")


# --- laws -------------------------------------------------------------------------------------------------------

quantities = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
positive = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))
money = st.integers(0, 10**15)
counts = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))


@st.composite
def lines_of(draw: st.DrawFn, models: str = "abcd") -> list[Line]:
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
    found = []
    for model, (kind, unit) in keys:
        used = draw(quantities) if unit else (0, 0)
        cost = tuple(
            draw(st.integers(-(10**15), 10**15)) if not unit else draw(money) if used[of] else 0 for of in (0, 1)
        )
        found.append(Line("p", model, kind, unit, used, cost))  # type: ignore[arg-type]  # a pair
    return found


activities = st.builds(
    lambda requests, share, tasks: Activity(
        tasks=tasks, task_requests=(requests[0] * share // 10, requests[1] * share // 10), requests=requests
    ),
    counts, st.integers(0, 10), counts,
)  # fmt: skip


def negated(effects: Sequence[int]) -> list[int]:
    return [-part for part in effects]


def by_model(moved: Variance) -> dict[tuple[str, str], tuple[Effects, int]]:
    return {(one.provider, one.model): (one.effects, one.kind_mix) for one in moved.models}


@given(lines_of(), activities)
@settings(max_examples=300)
def test_the_effects_and_the_models_sum_to_the_change(lines: list[Line], activity: Activity) -> None:
    moved = variance_of(lines, activity)
    assert sum(moved.effects) == moved.change
    for one in moved.models:
        assert sum(one.effects) == one.change
    for place, column in enumerate(moved.effects):
        assert sum(one.effects[place] for one in moved.models) == column
    parts = [moved.mix_of(status) for status in ("entered", "left", "kept", "adjusted")]
    assert sum(parts) + moved.kind_mix == moved.effects.mix


@given(lines_of(), activities)
@settings(max_examples=300)
def test_swapping_the_periods_negates(lines: list[Line], activity: Activity) -> None:
    moved = variance_of(lines, activity)
    back = variance_of(
        [replace(each, used=each.used[::-1], cost=each.cost[::-1]) for each in lines], activity.swapped()
    )
    assert list(back.effects) == negated(moved.effects)
    assert {key: (negated(row), -kind) for key, (row, kind) in by_model(back).items()} == {
        key: (list(row), kind) for key, (row, kind) in by_model(moved).items()
    }


@given(lines_of(), activities, st.randoms(use_true_random=False))
def test_the_order_of_lines_and_the_names_of_models_change_nothing(
    lines: list[Line], activity: Activity, random: Random
) -> None:
    moved = variance_of(lines, activity)
    shuffled = random.sample(lines, len(lines))
    assert variance_of(shuffled, activity) == moved
    renamed = [replace(each, model=f"zz{each.model}") for each in shuffled]
    assert variance_of(renamed, activity).effects == moved.effects


@given(lines_of("abc"), activities, st.integers(0, 10**6), st.integers(0, 10**6), positive, positive)
def test_merging_two_models_of_the_same_price_changes_neither_volume_nor_price(
    lines: list[Line], activity: Activity, old: int, new: int, one: Pair, two: Pair
) -> None:
    """Whatever their kinds of use: one may have far more of it cached than the other."""

    def of_price(model: str, used: tuple[int, int], cached: tuple[int, int]) -> list[Line]:
        return [
            Line("p", model, "input", "token", used, (used[0] * old, used[1] * new)),
            Line("p", model, "cached_input", "token", cached, (cached[0] * old // 10, cached[1] * new // 10)),
        ]

    used, cached = ((a * 10, b * 10) for a, b in (one, two))
    apart = variance_of([*lines, *of_price("x", used, cached), *of_price("y", cached, used)], activity)
    both = (used[0] + cached[0], used[1] + cached[1])
    merged = variance_of([*lines, *of_price("x", both, both)], activity)
    assert merged.effects == apart.effects


@given(lines_of(), activities)
def test_totals_without_models_are_the_same(lines: list[Line], activity: Activity) -> None:
    assert variance_of(lines, activity, by_model=False).effects == variance_of(lines, activity).effects


def by_every_order(lines: list[Line], activity: tuple[int, int]) -> list[Fraction]:
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
    lines = [Line("p", f"m{number}", "input", "token", used, cost) for number, (used, cost) in enumerate(pairs)]
    moved = variance_of(lines, Activity(tasks=tasks, task_requests=tasks, requests=tasks))
    wanted = by_every_order(lines, tasks)
    assert all(abs(got - exact) <= 2 for got, exact in zip(moved.effects, wanted, strict=False))
