"""What the coming days will bring, of many scopes at once: low, mid and high, and what that rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from budgets.forecasts.engine.backtest import Backtest, backtests
from budgets.forecasts.engine.candidates import NAMES, Driver, Window, expected
from budgets.forecasts.engine.filters import FloatArray, IntArray, States, states_of, unit_costs
from budgets.forecasts.engine.quantiles import HIGH, LOW, MID
from budgets.forecasts.engine.rolling import HISTORY_MIN, Rolled, rolled

# Every third of the last days is looked back at.
BACKTEST_DAYS, BACKTEST_STEP = 90, 3
# Days ahead at which the width of a path is worked out; between them it is interpolated.
ANCHORS = (1, 4, 10, 20)


@dataclass(frozen=True, slots=True)
class History:
    """Of several scopes, [days, scopes], of complete days only, the last one the day before the forecast begins.
    `drivers` are tokens and tasks, or nothing. `groups`: scopes with one number lend each other errors.
    """

    values: FloatArray
    drivers: tuple[FloatArray, ...]
    groups: IntArray


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds that what comes stays below in 10, 50 and 90 of 100 cases."""

    low: float
    mid: float
    high: float

    def plus(self, booked: float) -> "Range":
        return Range(self.low + booked, self.mid + booked, self.high + booked)


@dataclass(frozen=True, slots=True)
class Forecasted:
    """Of one scope and window; None when its history is too short. `weights` of the models by name, the greatest first.
    `errors`: how many whole windows of its own errors it rests on.
    """

    total: Range
    weights: Mapping[str, float]
    errors: float
    backtest: Backtest


@dataclass(frozen=True, slots=True)
class Read:
    """A history with what every forecast of it needs."""

    history: History
    begun: IntArray
    states: States
    drivers: tuple[Driver, ...]


def read(history: History) -> Read:
    """Once for all windows."""
    used = history.values > 0
    begun = np.where(used.any(axis=0), used.argmax(axis=0), len(used)).astype(np.int64)
    drivers = tuple(Driver(states_of(driver, begun), unit_costs(history.values, driver)) for driver in history.drivers)
    return Read(history, begun, states_of(history.values, begun), drivers)


def forecast(of: Read, window: Window) -> list[Forecasted | None]:
    """Of each scope."""
    past = _past(of, window)
    return _forecasts(of, _rolled(of, window, [*past, len(of.history.values)]), past)


def forecast_with_paths(of: Read, days_ahead: int) -> list[tuple[Forecasted | None, tuple[Range, ...] | None]]:
    """Of each scope, of so many coming days: their sum, and the running total after each of them; None when its history
    is too short.
    """
    window = Window(0, days_ahead)
    past = _past(of, window)
    rolling = _rolled(of, window, [*past, len(of.history.values)])
    return list(zip(_forecasts(of, rolling, past), _paths(of, rolling), strict=True))


def _past(of: Read, window: Window) -> range:
    """The origins at which it is looked back."""
    days = len(of.history.values)
    first = max(days - window.end - BACKTEST_DAYS, HISTORY_MIN)
    return range(first, days - window.end + 1, BACKTEST_STEP)


def _forecasts(of: Read, rolling: Rolled, past: range) -> list[Forecasted | None]:
    values = of.history.values
    days, tested = len(values), backtests(values, rolling, past)
    return [
        None
        if np.isnan(rolling.quantiles[days, scope, MID])
        else Forecasted(
            _range(rolling.quantiles[days, scope]),
            _named(rolling.weights[days, :, scope]),
            float(rolling.errors[scope]),
            tested[scope],
        )
        for scope in range(values.shape[1])
    ]


def _paths(of: Read, whole: Rolled) -> list[tuple[Range, ...] | None]:
    """Between a few distances the width is interpolated; at the last it is that of the `whole`."""
    values = of.history.values
    (days, scopes), days_ahead = values.shape, whole.window.end
    anchors = [*(anchor for anchor in ANCHORS if anchor < days_ahead), days_ahead]
    rollings = [*(_rolled(of, Window(0, anchor), [days]) for anchor in anchors[:-1]), whole]
    weights = whole.weights[days]
    running = np.cumsum(
        [
            (weights * np.nan_to_num(expected(values, of.states, of.drivers, days, Window(day, day + 1)))).sum(axis=0)
            for day in range(days_ahead)
        ],
        axis=0,
    )
    bounds = np.stack([rolling.quantiles[days][:, [LOW, MID, HIGH]] for rolling in rollings])
    centres = np.stack([rolling.expected[days] for rolling in rollings])[:, :, None]
    ratios = np.where(centres > 0, bounds / np.where(centres > 0, centres, 1.0), 1.0)
    steps = np.arange(1, days_ahead + 1)
    found: list[tuple[Range, ...] | None] = []
    for scope in range(scopes):
        if np.isnan(bounds[-1, scope, 1]):
            found.append(None)
            continue
        path = np.stack([
            running[:, scope] * np.interp(steps, anchors, ratios[:, scope, place]) for place in range(3)
        ])  # fmt: skip
        path[:, -1] = bounds[-1, scope]
        low, mid, high = np.maximum.accumulate(path, axis=1)
        found.append(tuple(Range(*map(float, each)) for each in zip(low, mid, high, strict=True)))
    return found


def _rolled(of: Read, window: Window, origins: Sequence[int]) -> Rolled:
    history = of.history
    return rolled(history.values, of.begun, of.states, of.drivers, window, origins=origins, groups=history.groups)


def _range(quantiles: FloatArray) -> Range:
    return Range(float(quantiles[LOW]), float(quantiles[MID]), float(quantiles[HIGH]))


def _named(weights: FloatArray) -> dict[str, float]:
    by_name = dict(zip(NAMES, map(float, weights), strict=False))
    return dict(sorted(by_name.items(), key=lambda item: (-item[1], item[0])))
