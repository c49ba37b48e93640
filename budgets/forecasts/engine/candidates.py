"""What each of a few simple models expects of a window of days, from every day of a series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from budgets.forecasts.engine.filters import WEEK, FloatArray, IntArray, States

NAMES = (
    "last_week", "fast_level", "slow_level", "damped_trend", "growth", "long_mean", "intermittent",
    "tokens_fast", "tokens_slow", "tokens_trend", "tokens_growth", "tasks_slow",
)  # fmt: skip
KNOW_PRICES = np.array([name.startswith("tokens") for name in NAMES])
GROWTH_DAYS, GROWTH_KEPT, GROWTH_DAMPED = 28, 0.6, 0.98
TREND_DAMPED = 0.97
# A month's growth by more than this is a change of level rather than a growth that goes on.
GROWTH_MAX = 0.7


@dataclass(frozen=True, slots=True)
class Window:
    """Days from `start` until before `end`, counted from the first day that is not known."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Driver:
    """What causes the cost: how much of it there was, and what one cost of late [days + 1, scopes]."""

    states: States
    unit_costs: FloatArray


def expected(values: FloatArray, states: States, drivers: Sequence[Driver], origin: int, window: Window) -> FloatArray:
    """[models, scopes]: the sum of the window's days as each of NAMES expects it, `origin` days being known; NaN where
    there is no such driver. `drivers` are tokens and tasks, or none.
    """
    ahead = _Ahead.of(origin, window)
    rows = [
        _last_week(values, origin, ahead.weekdays),
        *_levels(states, ahead),
        states.long[origin] * window.days,
        states.use[origin] * states.size[origin] * window.days,
    ]
    if drivers:
        tokens, tasks = drivers
        rows += [row * tokens.unit_costs[origin] for row in _levels(tokens.states, ahead)]
        rows.append(_levels(tasks.states, ahead)[1] * tasks.unit_costs[origin])
    return np.stack(rows)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The days of a window: their weekdays, how often each comes, and how far the damped trend has gone by then."""

    origin: int
    offsets: IntArray
    weekdays: IntArray
    counts: FloatArray
    slopes: FloatArray

    @classmethod
    def of(cls, origin: int, window: Window) -> "_Ahead":
        offsets = np.arange(window.start, window.end, dtype=np.int64)
        weekdays = (origin + offsets) % WEEK
        steps = TREND_DAMPED * (1 - TREND_DAMPED ** (offsets + 1)) / (1 - TREND_DAMPED)
        counts = np.bincount(weekdays, minlength=WEEK).astype(np.float64)
        slopes = np.bincount(weekdays, weights=steps, minlength=WEEK).astype(np.float64)
        return cls(origin, offsets, weekdays, counts, slopes)


def _levels(states: States, ahead: _Ahead) -> list[FloatArray]:
    """Fast and slow level, damped trend, growth; each by the shape of the week."""
    shape = states.shape[ahead.origin]
    shaped, sloped = shape @ ahead.counts, shape @ ahead.slopes
    trended = states.trend_level[ahead.origin] * shaped + states.trend[ahead.origin] * sloped
    return [
        states.fast[ahead.origin] * shaped,
        states.slow[ahead.origin] * shaped,
        np.maximum(trended, 0.0),
        _grown(states, ahead, shape[:, ahead.weekdays]),
    ]


def _last_week(values: FloatArray, origin: int, weekdays: IntArray) -> FloatArray:
    """The seasonal naive forecast."""
    week = values[max(origin - WEEK, 0) : origin]
    if len(week) < WEEK:
        return week.mean(axis=0) * len(weekdays) if len(week) else np.zeros(values.shape[1])
    of_weekday = np.zeros_like(week)
    of_weekday[(origin - WEEK + np.arange(WEEK)) % WEEK] = week
    total: FloatArray = of_weekday[weekdays].sum(axis=0)
    return total


def _grown(states: States, ahead: _Ahead, shares: FloatArray) -> FloatArray:
    origin = ahead.origin
    level, before = states.fast[origin] * 0.5 + states.slow[origin] * 0.5, states.slow[max(origin - GROWTH_DAYS, 0)]
    now = states.slow[origin]
    known = (now > 0) & (before > 0)
    ratio = np.log(np.where(known, now, 1.0) / np.where(known, before, 1.0))
    daily = np.clip(ratio, -GROWTH_MAX, GROWTH_MAX) * GROWTH_KEPT / GROWTH_DAYS
    steps = (1 - GROWTH_DAMPED ** (ahead.offsets + 1)) / (1 - GROWTH_DAMPED)
    grown: FloatArray = level * (shares * np.exp(daily[:, None] * steps[None, :])).sum(axis=1)
    return grown
