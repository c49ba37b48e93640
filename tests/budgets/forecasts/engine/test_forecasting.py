"""Forecasts: what is certain is foretold, nothing of the future is used, and the interval holds as often as it says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.forecasts.engine.candidates import NAMES, Window
from budgets.forecasts.engine.filters import FloatArray
from budgets.forecasts.engine.forecasting import Forecasted, History, Range, forecast, forecast_with_paths, read
from budgets.forecasts.engine.rolling import HISTORY_MIN

REST = Window(0, 20)
WEEK = np.array([10.0, 12.0, 11.0, 9.0, 8.0, 1.0, 0.0])


def history(values: FloatArray, *drivers: FloatArray) -> History:
    return History(values, drivers, np.zeros(values.shape[1], dtype=np.int64))


def noisy(days: int, scopes: int, seed: int, spread: float = 0.3) -> FloatArray:
    random = np.random.default_rng(seed)
    levels = np.exp(random.normal(3, 1, scopes))
    values: FloatArray = levels * np.exp(spread * random.normal(size=(days, scopes)))
    return values


def only(found: list[Forecasted | None]) -> Forecasted:
    assert found[0] is not None
    return found[0]


def test_what_never_changes_is_foretold_exactly() -> None:
    found = only(forecast(read(history(np.full((100, 1), 5.0))), REST))
    assert (found.total.low, found.total.mid, found.total.high) == pytest.approx((100, 100, 100))
    assert (found.backtest.wape, found.backtest.coverage, found.backtest.origins) == pytest.approx((0, 1, 23))
    assert sum(found.weights.values()) == pytest.approx(1)
    assert set(found.weights) <= set(NAMES)


def test_a_week_that_repeats_is_foretold_from_whichever_day() -> None:
    for start in range(7):
        values = np.resize(np.roll(WEEK, -start), (112, 1))
        found = only(forecast(read(history(values)), Window(0, 10)))
        wanted = np.resize(np.roll(WEEK, -start), 122)[112:].sum()
        assert found.total.mid == pytest.approx(wanted, rel=0.05)


def test_a_cut_of_prices_is_followed_by_what_tokens_cost_now() -> None:
    """Use goes on as before: three days later the new price is known, and the level of weeks is not."""
    random = np.random.default_rng(1)
    tokens = 100 * np.exp(0.2 * random.normal(size=(120, 1)))
    prices = np.where(np.arange(120)[:, None] < 117, 1.0, 0.4)
    with_tokens = only(forecast(read(history(tokens * prices, tokens, tokens)), REST))
    without = only(forecast(read(history(tokens * prices)), REST))
    true = 20 * 100 * 0.4
    assert abs(with_tokens.total.mid - true) < abs(without.total.mid - true) / 2


def test_too_little_history_is_an_answer() -> None:
    values = np.zeros((60, 2))
    values[60 - HISTORY_MIN + 1 :, 0] = 5
    values[60 - HISTORY_MIN :, 1] = 5
    short, enough = forecast(read(history(values)), REST)
    assert short is None
    assert enough is not None
    assert forecast_with_paths(read(history(values)), 20)[0] == (None, None)


def test_nothing_that_came_later_is_used() -> None:
    """A forecast of day 150 is the same whether the history ends there or 100 days later."""
    values = noisy(250, 5, seed=2)
    then = forecast(read(history(values[:150])), REST)
    changed = values.copy()
    changed[150:] *= 9
    assert forecast(read(history(changed[:150])), REST) == then
    assert [each and each.total for each in forecast(read(history(changed)), REST)] != [
        each and each.total for each in then
    ]


def test_the_interval_holds_as_often_as_it_says() -> None:
    for seed, window in ((3, Window(0, 7)), (4, REST), (5, Window(14, 28))):
        found = [each for each in forecast(read(history(noisy(400, 60, seed=seed))), window) if each is not None]
        coverage = np.mean([each.backtest.coverage for each in found])
        assert 0.7 < coverage < 0.9
        assert np.mean([each.backtest.crps_ratio for each in found]) < 0.9
        assert np.mean([each.backtest.wape for each in found]) < np.mean([each.backtest.naive_wape for each in found])


def test_a_path_ends_at_the_total_and_never_falls() -> None:
    known = read(history(noisy(120, 4, seed=6)))
    for (also, path), found in zip(forecast_with_paths(known, 20), forecast(known, REST), strict=True):
        assert also == found
        assert path is not None
        assert found is not None
        assert len(path) == 20
        assert (path[-1].low, path[-1].mid, path[-1].high) == pytest.approx(
            (found.total.low, found.total.mid, found.total.high)
        )
        for before, after in pairwise(path):
            assert before.low <= after.low
            assert before.mid <= after.mid
            assert before.high <= after.high


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.001, 1000), st.permutations(range(4)))
def test_currency_and_the_order_of_scopes_change_nothing(seed: int, rate: float, order: list[int]) -> None:
    values = noisy(90, 4, seed=seed)
    found = forecast(read(history(values)), REST)
    other = forecast(read(history(values[:, order] * rate)), REST)
    for place, scope in enumerate(order):
        one, same = found[scope], other[place]
        assert one is not None
        assert same is not None
        assert _bounds(same.total) == pytest.approx([bound * rate for bound in _bounds(one.total)], rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(0, 40))
def test_bounds_are_in_order_and_never_below_nothing(seed: int, days: int, start: int) -> None:
    random = np.random.default_rng(seed)
    values = noisy(100, 3, seed=seed, spread=2.0) * (random.random((100, 3)) < 0.3)
    for found in forecast(read(history(values)), Window(start, start + days)):
        if found is not None:
            low, mid, high = _bounds(found.total)
            assert 0 <= low <= mid <= high < float("inf")


def _bounds(total: Range) -> list[float]:
    return [total.low, total.mid, total.high]
