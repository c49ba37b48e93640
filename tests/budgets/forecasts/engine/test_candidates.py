"""What each model expects of a window."""

import numpy as np
import pytest

from budgets.forecasts.engine.candidates import NAMES, Driver, Window, expected
from budgets.forecasts.engine.filters import states_of, unit_costs

WEEK = np.array([1.0, 2, 3, 4, 5, 0, 0])


def test_every_model_sums_the_days_of_the_window() -> None:
    values = np.resize(WEEK, (140, 1))
    states = states_of(values, np.array([0]))
    found = dict(zip(NAMES, expected(values, states, (), 140, Window(0, 14))[:, 0], strict=False))
    assert found["last_week"] == pytest.approx(30)
    assert found["long_mean"] == pytest.approx(30, rel=0.01)
    assert found["slow_level"] == pytest.approx(30, rel=0.06)
    # Two days off have just been.
    for name in ("fast_level", "damped_trend", "growth"):
        assert found[name] == pytest.approx(30, rel=0.15)
    assert list(found) == list(NAMES[:7])


def test_the_last_week_is_laid_on_the_weekdays_of_the_window() -> None:
    values = np.resize(WEEK, (24, 1))
    states = states_of(values, np.array([0]))
    # Day 24 is the fourth of its week: 4, 5, 0.
    assert expected(values, states, (), 24, Window(0, 3))[0, 0] == 9
    assert expected(values, states, (), 24, Window(1, 3))[0, 0] == 5
    # Less than a week is known: its mean.
    assert expected(values, states, (), 4, Window(0, 10))[0, 0] == 25


def test_drivers_are_multiplied_by_what_one_costs_now() -> None:
    tokens = np.full((60, 1), 100.0)
    values = tokens * np.where(np.arange(60)[:, None] < 30, 2.0, 1.0)
    driver = Driver(states_of(tokens, np.array([0])), unit_costs(values, tokens))
    found = expected(values, states_of(values, np.array([0])), (driver, driver), 60, Window(0, 10))
    assert found[7:, 0] == pytest.approx([1000] * 5)
    nothing = Driver(states_of(tokens * 0, np.array([60])), unit_costs(values, tokens * 0))
    found = expected(values, states_of(values, np.array([0])), (driver, nothing), 60, Window(0, 10))
    assert np.isnan(found[-1, 0])
