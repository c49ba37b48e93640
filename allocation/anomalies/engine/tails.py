"""How large the larger deviations of a series are: medians say too little where they are rare and large."""

from dataclasses import replace
from datetime import date
from statistics import median

from allocation.anomalies.engine.expectation import SEASON_DAYS, Expectation, History, by_week
from allocation.anomalies.engine.month_days import REPEATED_SHARE, same_month_day

TAIL_DAYS = 2 * SEASON_DAYS
TAIL_DAYS_MIN = 14
# How much higher than the second largest deviation a day is that is clearly above it.
CLEARLY_ABOVE = 2.25
# From so many scales on, a deviation that repeats itself from month to month is a batch, and not chance.
BATCH_SCALES = 3


def with_tails(expected: Expectation, history: History, day: date, score_min: float) -> Expectation:
    """`expected` with a scale by which nothing is called anomalous that is not clearly above the larger deviations of
    sixteen weeks. The largest is left out, as it may be what is looked for, and so is what happens once a month.
    """
    window = history.window(day, TAIL_DAYS)
    points = [(past, history.log_of(past, day)) for past in window if past in history.logs]
    if len(points) < TAIL_DAYS_MIN:
        return expected
    second = _second_largest(_deviations(points, expected, day), BATCH_SCALES * expected.scale)
    return replace(expected, scale=max(expected.scale, CLEARLY_ABOVE * second / score_min))


def _deviations(points: list[tuple[date, float]], expected: Expectation, day: date) -> list[tuple[float, date]]:
    """How far each day lies from the middle of its own week, the largest first; growth is none."""
    deviations = []
    for week in by_week(points, day):
        plain = [(past, value - expected.season[past.weekday()]) for past, value in week]
        middle = median(value for _past, value in plain)
        deviations += [(value - middle, past) for past, value in plain]
    return sorted(deviations, reverse=True)


def _second_largest(deviations: list[tuple[float, date]], batch_min: float) -> float:
    """Of those that do not repeat themselves on the same day of another month, by `batch_min` or more."""
    single = (
        deviation
        for deviation, past in deviations
        if not any(
            other >= max(REPEATED_SHARE * deviation, batch_min) and same_month_day(past, day)
            for other, day in deviations
            if day != past
        )
    )
    next(single, 0.0)
    return max(next(single, 0.0), 0.0)
