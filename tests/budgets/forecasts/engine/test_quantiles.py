"""Quantiles by weight, and the score of a distribution."""

import numpy as np
import pytest

from budgets.forecasts.engine.quantiles import HIGH, LOW, MID, TAUS, crps, normal_quantiles, weighted_quantiles


def test_equal_weights_are_plain_quantiles() -> None:
    samples = np.arange(1, 101, dtype=float)[::-1, None]
    found = weighted_quantiles(samples, np.ones_like(samples))[0]
    assert (found[LOW], found[MID], found[HIGH]) == pytest.approx((10.5, 50.5, 90.5))


def test_what_has_no_weight_does_not_count() -> None:
    samples = np.array([[1.0, 5.0], [2.0, 5.0], [1000.0, 5.0]])
    found = weighted_quantiles(samples, np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    assert (found[0, MID], found[0, HIGH]) == pytest.approx((1.5, 2.0))
    assert np.isnan(found[1]).all()


def test_a_heavy_sample_is_most_of_the_distribution() -> None:
    samples, weights = np.array([[1.0], [2.0], [3.0]]), np.array([[0.01], [0.98], [0.01]])
    assert weighted_quantiles(samples, weights)[0, MID] == pytest.approx(2.0)


def test_the_score_of_a_point_is_its_error_and_of_the_normal_distribution_as_published() -> None:
    assert crps(np.full(len(TAUS), 3.0), np.array(5.0)) == pytest.approx(2.0)
    # Gneiting and Raftery: 2φ(0) − 1/√π of a standard normal distribution where 0 came; 19 quantiles cut the tails.
    assert crps(normal_quantiles(), np.array(0.0)) == pytest.approx(0.2337, abs=0.02)
