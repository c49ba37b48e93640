"""States of a series: level, week, trend and use, of the days before each day."""

import numpy as np
import pytest

from budgets.forecasts.engine.filters import states_of, unit_costs


def test_a_level_that_changes_is_followed_fast_and_slowly() -> None:
    values = np.where(np.arange(60)[:, None] < 50, 10.0, 20.0)
    states = states_of(values, np.array([0]))
    assert (states.fast[50, 0], states.slow[50, 0], states.long[50, 0]) == pytest.approx((10, 10, 10))
    assert 10 < states.long[60, 0] < states.slow[60, 0] < states.fast[60, 0] < 20


def test_the_shape_of_the_week_has_mean_one() -> None:
    week = np.array([10.0, 10, 10, 10, 10, 0, 0])
    states = states_of(np.resize(week, (140, 1)), np.array([0]))
    assert states.shape[140, 0].mean() == pytest.approx(1)
    assert states.shape[140, 0, 0] == pytest.approx(1.4, abs=0.1)
    assert states.shape[140, 0, 6] < 0.2


def test_nothing_counts_before_a_scope_begins() -> None:
    values = np.zeros((40, 2))
    values[20:] = 7
    states = states_of(values, np.array([20, 0]))
    assert states.use[40, 0] == pytest.approx(1)
    assert states.long[40, 0] == pytest.approx(7)
    assert states.use[40, 1] < 1
    assert states.long[40, 1] < 7


def test_a_unit_costs_what_it_cost_of_late() -> None:
    driver = np.array([[10.0], [10.0], [0.0], [10.0]])
    cost = np.array([[20.0], [20.0], [5.0], [10.0]])
    costs = unit_costs(cost, driver)[:, 0]
    assert np.isnan(costs[0])
    # Cost without a unit of the driver is no part of what one costs.
    assert list(costs[1:4]) == pytest.approx([2, 2, 2])
    assert 1 < costs[4] < 1.3
