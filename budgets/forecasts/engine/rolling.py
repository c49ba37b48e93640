"""One window of days forecast from every day of a series: what the models' errors were decides their weights, and how
wide the interval is.

Weights: by mean absolute error (the pinball loss of the median), shrunk to equal ones; Bates and Granger, 1969.
Intervals: split conformal prediction on the logarithm of actual to expected, from origins at the same distance; Vovk
and others, 2005.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from budgets.forecasts.engine.candidates import KNOW_PRICES, Driver, Window, expected
from budgets.forecasts.engine.filters import BoolArray, FloatArray, IntArray, States
from budgets.forecasts.engine.quantiles import HIGH, LOW, MID, TAUS, normal_quantiles, weighted_quantiles

# Days of history that a forecast needs.
HISTORY_MIN = 14
# The first errors of a series say little of later ones.
SETTLED_AFTER = 28
# So many whole windows of a scope's own errors count as much as those of the scopes beside it.
OWN_ERRORS = 20
# What a loss and an error count after each day: half after 30 and 300 days.
LOSS_KEPT, ERROR_KEPT = 0.5 ** (1 / 30), 0.5 ** (1 / 300)
ERRORS_MAX = 365
LOSS_POWER, LOSS_MAX = 5.0, 5.0
EQUAL_ORIGINS = 1.0
# Of models that do not know prices, beside some that do: after a cut they go on for weeks as if there had been none.
SAY_WITHOUT_PRICE = 0.1
# A ratio is of sums to which this share of what is usual is added: days of next to nothing tell little.
FLOOR_SHARE = 0.05
# Of a week of latest errors, what lies outside the interval of 80 % moves the next one by this share.
BIAS_DAYS, BIAS_SHARE = 7, 0.3
# In logarithms, of scopes of which nothing is known.
GUESSED_SPREAD = 0.5
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Rolled:
    """By origin (days known) and scope. `expected`, its `weights` [origins, models, scopes], and what came: `actual`,
    NaN where it is not known yet. `quantiles` [origins, scopes, TAUS] are NaN where history is too short and at all but
    the `origins` that were asked for; `errors` counts the whole windows of a scope's own errors at the last of them.
    """

    window: Window
    expected: FloatArray
    weights: FloatArray
    naive: FloatArray
    actual: FloatArray
    quantiles: FloatArray
    errors: FloatArray


def rolled(
    values: FloatArray,
    begun: IntArray,
    states: States,
    drivers: Sequence[Driver],
    window: Window,
    *,
    origins: Sequence[int],
    groups: IntArray,
) -> Rolled:
    """With intervals at the `origins`. Scopes of one group lend each other errors."""
    days, _scopes = values.shape
    by_model = np.stack([expected(values, states, drivers, origin, window) for origin in range(days + 1)])
    actual = _actual(values, window)
    is_told = np.arange(days + 1)[:, None] >= begun[None, :] + HISTORY_MIN
    usual = states.long * window.days
    weights, combined = _combined(by_model, actual, usual, is_told, window)
    floor = FLOOR_SHARE * usual + TINY
    is_settled = np.arange(days + 1)[:, None] >= begun[None, :] + SETTLED_AFTER
    errors = np.where(is_settled, np.log(actual + floor) - np.log(combined + floor), np.nan)
    quantiles = np.full((*combined.shape, len(TAUS)), np.nan)
    count = np.zeros(values.shape[1])
    for origin in origins:
        known = max(origin - window.end + 1, 0)
        spread, count = _spread(errors[max(known - ERRORS_MAX, 0) : known], window, groups)
        sums = np.exp(spread) * (combined[origin] + floor[origin])[:, None] - floor[origin][:, None]
        quantiles[origin] = np.where(is_told[origin][:, None], np.maximum(sums, 0.0), np.nan)
    return Rolled(window, combined, weights, by_model[:, 0], actual, quantiles, count)


def _actual(values: FloatArray, window: Window) -> FloatArray:
    days, scopes = values.shape
    cumulated = np.vstack([np.zeros((1, scopes)), np.cumsum(values, axis=0)])
    actual = np.full((days + 1, scopes), np.nan)
    known = days - window.end + 1
    if known > 0:
        ends, starts = cumulated[window.end :], cumulated[window.start :]
        actual[:known] = np.maximum(ends[:known] - starts[:known], 0.0)
    return actual


def _combined(
    by_model: FloatArray, actual: FloatArray, usual: FloatArray, is_told: BoolArray, window: Window
) -> tuple[FloatArray, FloatArray]:
    """The models' weights by what was known of their losses at each origin, and what they expect together."""
    origins, models, scopes = by_model.shape
    knows = KNOW_PRICES[:models, None]
    is_there = ~np.isnan(by_model)
    by_model = np.where(is_there, by_model, 0.0)
    shares = np.abs(by_model - actual[:, None, :]) / (usual[:, None, :] + TINY)
    losses = np.where(is_there, np.minimum(shares, LOSS_MAX), LOSS_MAX)
    sums, counts = np.zeros((models, scopes)), np.zeros(scopes)
    weights = np.empty_like(by_model)
    for origin in range(origins):
        known = origin - window.end
        if known >= 0:
            told = is_told[known]
            sums, counts = sums * LOSS_KEPT + np.where(told, losses[known], 0.0), counts * LOSS_KEPT + told
        means = (sums + TINY) / (counts + TINY)
        priced = (is_there[origin] & knows).any(axis=0)
        say = np.where(is_there[origin], np.where(priced & ~knows, SAY_WITHOUT_PRICE, 1.0), 0.0)
        by_loss = say * (means.min(axis=0) / means) ** LOSS_POWER
        whole = counts / window.days**0.5
        trust = whole / (whole + EQUAL_ORIGINS)
        equal = say / say.sum(axis=0)
        weights[origin] = trust * by_loss / (by_loss.sum(axis=0) + TINY) + (1 - trust) * equal
        weights[origin] /= weights[origin].sum(axis=0)
    return weights, (weights * by_model).sum(axis=1)


def _spread(errors: FloatArray, window: Window, groups: IntArray) -> tuple[FloatArray, FloatArray]:
    """[scopes, TAUS] of the logarithm of actual to expected, and how many whole windows of own errors it rests on."""
    known = ~np.isnan(errors)
    counts = known.sum(axis=0) / window.days
    pooled = _pooled(errors, groups)
    if not len(errors):
        return pooled, counts
    weights = np.where(known, ERROR_KEPT ** np.arange(len(errors) - 1, -1, -1)[:, None], 0.0)
    own = weighted_quantiles(np.where(known, errors, 0.0), weights)
    trust = (counts / (counts + OWN_ERRORS))[:, None]
    spread = np.where(np.isnan(own), pooled, trust * own + (1 - trust) * pooled)
    return spread + _bias(errors[-BIAS_DAYS:], spread)[:, None], counts


def _pooled(errors: FloatArray, groups: IntArray) -> FloatArray:
    """Of all scopes of the group together, else of all scopes, else a guess."""
    pooled = np.tile(_quantiles_of(errors, GUESSED_SPREAD * normal_quantiles()), (len(groups), 1))
    for group in np.unique(groups):
        pooled[groups == group] = _quantiles_of(errors[:, groups == group], pooled[groups == group][0])
    return pooled


def _quantiles_of(errors: FloatArray, otherwise: FloatArray) -> FloatArray:
    known = errors[~np.isnan(errors)]
    return np.quantile(known, TAUS) if len(known) >= OWN_ERRORS else otherwise


def _bias(latest: FloatArray, spread: FloatArray) -> FloatArray:
    """How far the forecast is moved because the latest errors lie on one side of the interval: after a launch or a cut
    of prices, instead of widening it.
    """
    known = ~np.isnan(latest)
    mean = np.where(known, latest, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    away = np.where(known.all(axis=0), mean - spread[:, MID], 0.0)
    dead_zone = (spread[:, HIGH] - spread[:, LOW]) / 2
    return np.sign(away) * np.maximum(np.abs(away) - dead_zone, 0.0) * BIAS_SHARE
