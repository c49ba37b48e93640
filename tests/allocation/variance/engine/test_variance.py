"""Variances: cases worked out by hand, and what holds for every pair of periods."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.variance import UsageLine, variance_of
from tests.allocation.variance.engine.lines import NANO, Pair, activities, line, lines_of, positive, shown

M = 1_000_000


NO_ACTIVITY = ActivityCounts()


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
            {"new": 300, "ended": -100},
            ["entered", "left"],
            id="one model takes the place of another: one is new, the other has ended",
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
        pytest.param([line("a", (0, 5), (0, 50))], {"new": 50}, ["entered"], id="a new scope is all new"),
        pytest.param([line("a", (5, 0), (50, 0))], {"ended": -50}, ["left"], id="and one not used any more has ended"),
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


def test_kinds_of_use_are_lines_of_the_mix_and_new_and_ended_models_are_none() -> None:
    variance = variance_of(
        [
            line("old", (100, 0), (100, 0)),
            line("new", (0, 100), (0, 300)),
            line("kept", (60, 20), (60, 20)),
            line("kept", (40, 80), (4, 8), kind="cached_input"),
        ],
        NO_ACTIVITY,
    )
    assert shown(variance.effects) == {"mix": -36, "new": 300, "ended": -100}
    assert [variance.mix_of(status) / NANO for status in ("entered", "left", "kept")] == [0, 0, 0]
    assert variance.kind_mix / NANO == -36


def test_a_model_that_enters_at_constant_price_leaves_volume_and_mix_alone() -> None:
    """Its calls are no volume of the others, and theirs go on as they were."""
    activity = ActivityCounts(requests=(100, 150))
    lines = [line("old", (1000, 1000), (10, 10)), line("new", (0, 900), (0, 90))]
    variance = variance_of(lines, activity, requests_of={("openai", "new"): (0, 50)})
    assert shown(variance.effects) == {"new": 90}
    assert variance.activity.requests == (100, 150)
    ended = variance_of(
        [replace(each, used=each.used[::-1], cost=each.cost[::-1]) for each in lines],
        activity.swapped(),
        requests_of={("openai", "new"): (50, 0)},
    )
    assert shown(ended.effects) == {"ended": -90}


@pytest.mark.parametrize(
    ("foreign", "wanted"),
    [
        pytest.param((200, 200), {"exchange": 20}, id="the rate alone: 0.50 to 0.60"),
        pytest.param((200, 240), {"price": 20}, id="the price alone"),
        pytest.param((200, 160), {"price": -25, "exchange": 45}, id="the price falls, and the rate rises more"),
        pytest.param((0, 240), {"price": 20}, id="not one currency throughout: no rate is known"),
    ],
)
def test_exchange_rates_are_a_cause_of_their_own(foreign: tuple[int, int], wanted: dict[str, int]) -> None:
    priced = replace(line("a", (10, 10), (100, 120)), foreign=(foreign[0] * NANO, foreign[1] * NANO))
    assert shown(variance_of([priced], NO_ACTIVITY).effects) == wanted


def test_jevons_is_of_one_model_in_one_scope() -> None:
    """The price of one model falls and it is used as before; another, at its old price, is used more."""
    lines = [line("cheaper", (100, 100), (100, 50)), line("busy", (100, 400), (100, 400))]
    variance = variance_of(lines, NO_ACTIVITY, scope="acme/search")
    assert (variance.is_jevons, variance.findings.cheaper[0].grew) == (False, False)
    backfire = variance_of([line("a", (100, 300), (1000, 1500))], NO_ACTIVITY, scope="acme/search")
    assert [(each.scope, each.model, each.is_jevons) for each in backfire.findings.cheaper] == [
        ("acme/search", "a", True)
    ]


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


@pytest.mark.parametrize("kind", ["new", "ended", "cheaper", "cache"])
def test_findings_of_one_size_come_in_the_order_of_their_models(kind: str) -> None:
    """Else the sentences of one month change places with the order in which the database gives its rows."""
    used, cost = {
        "new": ((0, 100), (0, 100)),
        "ended": ((100, 0), (100, 0)),
        "cheaper": ((100, 100), (200, 100)),
        "cache": ((100, 300), (100, 300)),
    }[kind]
    cached = [line(model, (200, 0), (20, 0), kind="cached_input") for model in "ab"] if kind == "cache" else []
    lines = [*cached, *(line(model, used, cost, kind="input") for model in "ab")]
    for given_lines in (lines, lines[::-1]):
        found = getattr(variance_of(given_lines, NO_ACTIVITY, scope="").findings, kind)
        assert [each.model for each in found] == ["a", "b"]


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
