"""Weights and intervals by what was known at each origin."""

import numpy as np
import pytest

from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.filters import FloatArray, states_of
from budgets.forecasts.engine.quantiles import HIGH, LOW, MID
from budgets.forecasts.engine.rolling import Rolled, rolled

WINDOW = Window(0, 5)


def roll(values: FloatArray, *, groups: list[int] | None = None, window: Window = WINDOW) -> Rolled:
    scopes = values.shape[1]
    begun = np.argmax(values > 0, axis=0)
    of = np.array(groups or [0] * scopes)
    origins = range(len(values) + 1)
    return rolled(values, begun, states_of(values, begun), (), window, origins=origins, groups=of)


def noise(days: int, scopes: int, spread: float) -> FloatArray:
    values: FloatArray = 10 * np.exp(spread * np.random.default_rng(9).normal(size=(days, scopes)))
    return values


def test_what_came_is_known_when_the_window_is_over() -> None:
    found = roll(np.arange(1, 41, dtype=float)[:, None])
    assert found.actual[10, 0] == 11 + 12 + 13 + 14 + 15
    assert not np.isnan(found.actual[35, 0])
    assert np.isnan(found.actual[36:, 0]).all()


def test_weights_are_shares() -> None:
    found = roll(noise(80, 3, 0.4))
    assert found.weights.sum(axis=1) == pytest.approx(np.ones((81, 3)))
    assert (found.weights >= 0).all()


def test_the_model_that_was_right_has_most_of_the_say() -> None:
    """A week that repeats with days that differ by chance of the week: the last week is exactly right."""
    values = np.resize(np.array([3.0, 50, 1, 80, 2, 9, 40]), (140, 1))
    assert roll(values).weights[140, 0, 0] == roll(values).weights[140, :, 0].max()


def test_a_new_scope_is_as_uncertain_as_those_beside_it() -> None:
    calm, wild = noise(200, 6, 0.05), noise(200, 6, 0.8)
    new = np.zeros((200, 2))
    new[180:] = 10
    found = roll(np.hstack([calm, wild, new]), groups=[1] * 6 + [2] * 6 + [1, 2])
    widths = (found.quantiles[200, :, HIGH] - found.quantiles[200, :, LOW]) / found.quantiles[200, :, MID]
    assert widths[13] > 3 * widths[12]


def test_errors_on_one_side_move_the_interval() -> None:
    """Twice as much since a month: the errors before that do not keep the interval wide on both sides."""
    values = noise(300, 1, 0.1)
    values[270:] *= 2
    found = roll(values)
    assert found.quantiles[300, 0, LOW] > 75
    assert found.quantiles[300, 0, MID] == pytest.approx(100, rel=0.12)
