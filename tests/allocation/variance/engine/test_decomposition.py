from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.variance import Effects, UsageLine, Variance, variance_of
from tests.allocation.variance.engine.lines import Pair, activities, lines_of, positive


def negated(effects: Effects) -> list[int]:
    """Backwards, what was new has ended."""
    back = effects._replace(new=effects.ended, ended=effects.new)
    return [-part for part in back]


def by_model(variance: Variance) -> dict[tuple[str, str], tuple[Effects, int]]:
    return {(model.provider, model.model): (model.effects, model.kind_mix) for model in variance.models}


@pytest.mark.long
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
