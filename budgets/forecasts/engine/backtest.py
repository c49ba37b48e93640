"""How forecasts of a window would have done at days of the past, beside repeating the last week."""

from dataclasses import dataclass

import numpy as np

from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.filters import WEEK, BoolArray, FloatArray
from budgets.forecasts.engine.quantiles import HIGH, LOW, MID, crps, normal_quantiles
from budgets.forecasts.engine.rolling import Rolled

DIFFERENCES = 12 * WEEK
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Backtest:
    """Of one scope, over `origins` past days. `wape`: mean absolute error as a share of what came; `naive_wape`: of the
    last week repeated. `crps_ratio` of the continuous ranked probability score to that of the seasonal naive forecast
    with its normal intervals. `coverage` of the interval from 10 to 90 %. Shares are NaN where nothing came.
    """

    origins: int
    wape: float
    naive_wape: float
    crps_ratio: float
    coverage: float


def backtests(values: FloatArray, rolled: Rolled, origins: range) -> list[Backtest]:
    """Of each scope, over those of the origins whose window is over and that had history enough."""
    known = [origin for origin in origins if origin + rolled.window.end <= len(values)]
    actual, quantiles = rolled.actual[known], rolled.quantiles[known]
    told = ~np.isnan(quantiles[:, :, MID])
    naive = np.stack([naive_quantiles(values, rolled, origin) for origin in known]) if known else quantiles
    came = _sums(actual, told)
    wape = _shares(_sums(np.abs(actual - quantiles[:, :, MID]), told), came)
    naive_wape = _shares(_sums(np.abs(actual - rolled.naive[known]), told), came)
    ratio = _shares(_sums(crps(quantiles, actual), told), _sums(crps(naive, actual), told))
    # A bound that is met is met, whatever the last bits say.
    inside = (actual >= quantiles[:, :, LOW] * (1 - ROUNDING)) & (actual <= quantiles[:, :, HIGH] * (1 + ROUNDING))
    count = told.sum(axis=0)
    coverage = _shares(_sums(inside.astype(float), told), count.astype(float))
    return [
        Backtest(int(count[scope]), wape[scope], naive_wape[scope], ratio[scope], coverage[scope])
        for scope in range(values.shape[1])
    ]


def naive_quantiles(values: FloatArray, rolled: Rolled, origin: int) -> FloatArray:
    """[scopes, TAUS] of the seasonal random walk: each week is the last one and an error, and errors add up.
    Hyndman and Athanasopoulos, 3rd edition, section 5.5.
    """
    known = values[:origin]
    differences = (known[WEEK:] - known[:-WEEK])[-DIFFERENCES:]
    variance = (differences**2).mean(axis=0) if len(differences) else np.zeros(values.shape[1])
    deviation = np.sqrt(variance * _errors_in(rolled.window))
    sums = rolled.naive[origin][:, None] + deviation[:, None] * normal_quantiles()
    floored: FloatArray = np.maximum(sums, 0.0)
    return floored


def _errors_in(window: Window) -> int:
    """How many variances of a day the window's sum has."""
    total = 0
    for weekday in range(WEEK):
        before = len(range(weekday, window.start, WEEK))
        weeks = len(range(weekday, window.end, WEEK))
        total += sum(min(weeks - before, weeks - week) ** 2 for week in range(weeks))
    return total


def _sums(of: FloatArray, told: BoolArray) -> FloatArray:
    sums: FloatArray = np.where(told, of, 0.0).sum(axis=0)
    return sums


def _shares(parts: FloatArray, wholes: FloatArray) -> list[float]:
    shares = np.where(wholes > 0, parts / np.where(wholes > 0, wholes, 1.0), np.nan)
    return [float(share) for share in shares]
