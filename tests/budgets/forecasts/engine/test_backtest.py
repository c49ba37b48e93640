"""Figures of a back-test, beside the last week repeated."""

import numpy as np
import pytest

from budgets.forecasts.engine.backtest import backtests, naive_quantiles
from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.filters import FloatArray, states_of
from budgets.forecasts.engine.quantiles import HIGH, MID
from budgets.forecasts.engine.rolling import Rolled, rolled


def roll(values: FloatArray, window: Window, origins: range) -> Rolled:
    begun = np.zeros(values.shape[1], dtype=np.int64)
    groups = np.zeros(values.shape[1], dtype=np.int64)
    return rolled(values, begun, states_of(values, begun), (), window, origins=origins, groups=groups)


def test_the_naive_interval_is_as_wide_as_errors_that_add_up() -> None:
    """Weeks differ by 1 on each day: a sum of 14 days has, for each weekday, one error twice and one once."""
    values = np.repeat(np.arange(20, dtype=float), 7)[:, None]
    found = naive_quantiles(values, roll(values, Window(0, 14), range(140, 141)), 140)[0]
    assert found[MID] == pytest.approx(2 * 7 * 19)
    assert found[HIGH] - found[MID] == pytest.approx(1.2816 * (7 * (2**2 + 1)) ** 0.5, rel=1e-3)
    later = naive_quantiles(values, roll(values, Window(7, 14), range(140, 141)), 140)[0]
    assert later[HIGH] - later[MID] == pytest.approx(1.2816 * (7 * 2) ** 0.5, rel=1e-3)


def test_only_windows_that_are_over_count() -> None:
    values = 10 * np.exp(0.2 * np.random.default_rng(4).normal(size=(100, 2)))
    window, origins = Window(0, 10), range(60, 101, 10)
    tested = backtests(values, roll(values, window, origins), origins)
    assert [each.origins for each in tested] == [4, 4]


def test_nothing_that_came_has_no_shares() -> None:
    values = np.zeros((60, 1))
    values[0] = 1
    origins = range(30, 50)
    tested = backtests(values, roll(values, Window(0, 5), origins), origins)[0]
    assert np.isnan(tested.wape)
    assert np.isnan(tested.naive_wape)
