"""Quantiles of many scopes at once, and how well they foretold what came."""

from statistics import NormalDist

import numpy as np

from budgets.forecasts.engine.filters import FloatArray

# 5 %, 10 % … 95 % of a distribution; the places of 10, 50 and 90 %.
TAUS = np.linspace(0.05, 0.95, 19)
LOW, MID, HIGH = 1, 9, 17


def normal_quantiles() -> FloatArray:
    """Of the standard normal distribution."""
    return np.array([NormalDist().inv_cdf(float(tau)) for tau in TAUS])


def weighted_quantiles(samples: FloatArray, weights: FloatArray) -> FloatArray:
    """[scopes, TAUS] of [samples, scopes], linear between the middles of the samples' weights; NaN without a weight."""
    # What does not count comes last, where no quantile is looked for.
    last = np.maximum((weights > 0).sum(axis=0) - 1, 0)
    order = np.argsort(np.where(weights > 0, samples, np.inf), axis=0)
    values = np.take_along_axis(samples, order, axis=0)
    sorted_weights = np.take_along_axis(weights, order, axis=0)
    total = sorted_weights.sum(axis=0)
    middles = (np.cumsum(sorted_weights, axis=0) - sorted_weights / 2) / np.where(total > 0, total, 1.0)
    columns = np.arange(samples.shape[1])
    result = np.full((samples.shape[1], len(TAUS)), np.nan)
    for place, tau in enumerate(TAUS):
        above = np.minimum((middles < tau).sum(axis=0), last)
        below = np.maximum(above - 1, 0)
        left, right = middles[below, columns], middles[above, columns]
        width = np.where(right > left, right - left, 1.0)
        part = np.where(right > left, np.clip((tau - left) / width, 0.0, 1.0), 1.0)
        result[:, place] = values[below, columns] * (1 - part) + values[above, columns] * part
    result[total <= 0] = np.nan
    return result


def crps(quantiles: FloatArray, actual: FloatArray) -> FloatArray:
    """The continuous ranked probability score, in the unit of what came: twice the mean pinball loss of the TAUS.
    Gneiting and Raftery, 2007.
    """
    over = actual[..., None] - quantiles
    score: FloatArray = 2 * np.maximum(TAUS * over, (TAUS - 1) * over).mean(axis=-1)
    return score
