"""What a series of days was like on each of its days: level, weekdays, trend, and how often there was any use.

Every state is of all scopes at once and of the days before it, so that one pass gives every rolling origin.
Exponential smoothing: Hyndman and Athanasopoulos, *Forecasting: Principles and Practice*, 3rd edition, chapter 8;
for series with many zero days: Teunter, Syntetos and Babai, 2011.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

WEEK = 7
# Shares of what is kept for a day or a week, by the days or weeks in which half is forgotten.
FAST = 1 - 0.5 ** (1 / 4)
SLOW = 1 - 0.5 ** (1 / 21)
LONG = 1 - 0.5 ** (1 / 60)
SHAPE_KEPT = 0.5 ** (1 / 6)
TREND_LEVEL, TREND_SLOPE, TREND_KEPT = 0.12, 0.02, 0.97
INTERMITTENT = 0.08
UNIT_COST_KEPT = 0.5
# So many weeks of equal days stand beside those seen, and a weekday with less than this share has no level of its own.
EQUAL_WEEKS = 1.5
SHARE_MIN = 0.05


@dataclass(frozen=True, slots=True)
class States:
    """State `t` is what was known before day `t`: [days + 1, scopes], `shape` [days + 1, scopes, 7] with mean 1, its
    first weekday that of day 0.
    """

    fast: FloatArray
    slow: FloatArray
    long: FloatArray
    trend_level: FloatArray
    trend: FloatArray
    use: FloatArray
    size: FloatArray
    shape: FloatArray


def states_of(values: FloatArray, begun: IntArray) -> States:
    """Of [days, scopes]; a scope counts from the day `begun`, and nothing before it is a zero day."""
    days, scopes = values.shape
    plain = np.zeros((7, days + 1, scopes))
    fast, slow, long, trend_level, trend, use, size = plain
    shape = np.ones((days + 1, scopes, WEEK))
    sums, counts, seen = np.zeros((scopes, WEEK)), np.zeros((scopes, WEEK)), np.zeros(scopes)
    for day in range(days):
        value, weekday = values[day], day % WEEK
        counted = begun <= day
        is_first = begun == day
        share = shape[day, :, weekday]
        told = counted & (share > SHARE_MIN)
        level = np.where(told, value / np.maximum(share, SHARE_MIN), 0.0)
        seen = seen + np.where(told, share, 0.0)
        for state, speed in ((fast, FAST), (slow, SLOW), (long, LONG)):
            state[day + 1] = _moved(state[day], level, speed, share, told, seen)
        _trend(day, trend_level, trend, level, share, told, is_first)
        _use(day, use, size, value, counted, is_first)
        sums[:, weekday] = np.where(counted, sums[:, weekday] * SHAPE_KEPT + value, 0.0)
        counts[:, weekday] = np.where(counted, counts[:, weekday] * SHAPE_KEPT + 1, 0.0)
        shape[day + 1] = _shape(sums, counts)
    return States(fast, slow, long, trend_level, trend, use, size, shape)


def _moved(
    state: FloatArray, level: FloatArray, speed: float, share: FloatArray, told: BoolArray, seen: FloatArray
) -> FloatArray:
    """A weekday moves the level by its share of the week: a quiet Sunday says little about it. The first days are
    averaged: `seen` is how many there were, by their shares.
    """
    step = np.maximum(1 - (1 - speed) ** share, share / np.maximum(seen, share))
    return np.where(told, state + step * (level - state), state)


def _trend(
    day: int,
    levels: FloatArray,
    trends: FloatArray,
    level: FloatArray,
    share: FloatArray,
    told: BoolArray,
    is_first: BoolArray,
) -> None:
    """Damped trend."""
    before, slope = levels[day], trends[day] * TREND_KEPT
    step = 1 - (1 - TREND_LEVEL) ** share
    moved = before + slope + step * (level - before - slope)
    levels[day + 1] = np.where(is_first, level, np.where(told, moved, before + slope))
    trends[day + 1] = np.where(
        is_first, 0.0, slope + np.where(told, TREND_SLOPE * share * (level - before - slope), 0.0)
    )


def _use(
    day: int, use: FloatArray, size: FloatArray, value: FloatArray, counted: BoolArray, is_first: BoolArray
) -> None:
    is_used = value > 0
    use[day + 1] = np.where(
        is_first, is_used, np.where(counted, use[day] + INTERMITTENT * (is_used - use[day]), use[day])
    )
    sized = np.where(size[day] > 0, size[day] + INTERMITTENT * (value - size[day]), value)
    size[day + 1] = np.where(counted & is_used, sized, size[day])


def _shape(sums: FloatArray, counts: FloatArray) -> FloatArray:
    means = sums / np.maximum(counts, 1e-12)
    mean = np.where(counts > 0, means, 0.0).sum(axis=1) / np.maximum((counts > 0).sum(axis=1), 1)
    ratios = np.where((counts > 0) & (mean[:, None] > 0), means / np.maximum(mean[:, None], 1e-300), 1.0)
    shrunk: FloatArray = (counts * ratios + EQUAL_WEEKS) / (counts + EQUAL_WEEKS)
    shares: FloatArray = shrunk / shrunk.mean(axis=1, keepdims=True)
    return shares


def unit_costs(values: FloatArray, driver: FloatArray) -> FloatArray:
    """[days + 1, scopes]: what one unit of the driver cost of late, the latest days with most weight; NaN where the
    driver was not used.
    """
    days, scopes = values.shape
    costs = np.full((days + 1, scopes), np.nan)
    cost, units = np.zeros(scopes), np.zeros(scopes)
    for day in range(days):
        used = driver[day] > 0
        cost, units = cost * UNIT_COST_KEPT + np.where(used, values[day], 0.0), units * UNIT_COST_KEPT + driver[day]
        costs[day + 1] = np.where(units > 0, cost / np.where(units > 0, units, 1.0), np.nan)
    return costs
