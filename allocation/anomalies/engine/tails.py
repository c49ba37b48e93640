"""How large the larger deviations of a series are: medians say too little where they are rare and large."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from math import log
from statistics import fmean, median

from allocation.anomalies.engine.expectation import SEASON_DAYS, Expectation, History, by_week
from allocation.anomalies.engine.month_days import REPEATED_MIN, same_month_day

TAIL_DAYS = 2 * SEASON_DAYS
TAIL_DAYS_MIN = 14
MONTHS_KNOWN_DAYS = 84
# The larger deviations are the first tenth of them, without the largest. How many times as large as their mean one is
# that lies clearly above: of normal noise beyond six standard deviations, of heavy tails further out.
LARGER_SHARE = 0.1
CLEARLY_ABOVE = 2.9
# From so many scales on, a deviation that repeats itself from month to month is a batch, and not chance.
BATCH_SCALES = 3
# The same day of two months is the same batch where one was at least half as high as the other.
REPEATED_SHARE = 0.5
# As a logarithm.
HALF = log(2)
# The more series of a scope are judged, the further the largest of them lies from its usual by chance: by this power
# of their number where the tails are those of Student's t of six degrees of freedom.
PER_SERIES = 1 / 6


def with_tails(
    expected: Expectation, history: History, day: date, score_min: float, *, series_judged: int = 1
) -> Expectation:
    """`expected` with a scale by which nothing is called anomalous that is not clearly above the larger deviations of
    sixteen weeks. The largest is left out, as it may be what is looked for, and so is what happens once a month. A day
    of few calls scatters more than one of many: weekdays of usually less than half as much tell nothing of this one.
    """
    usual = {past for past in history.window(day, TAIL_DAYS) if past in history.logs}
    if len(usual) < TAIL_DAYS_MIN:
        return expected
    known = [past for past in history.days if min(usual) <= past < day and past in history.logs]
    season = expected.season
    like_it = {past for past in usual if season[past.weekday()] >= season[day.weekday()] - HALF}
    deviations = _deviations([(past, history.log_of(past, day)) for past in known], expected, day)
    # Of less than three months a batch is known from its second on, later from the third.
    repeats_min = REPEATED_MIN if (day - known[0]).days > MONTHS_KNOWN_DAYS else 1
    larger = _larger(deviations, usual, BATCH_SCALES * expected.scale, repeats_min)
    if len(like_it) >= TAIL_DAYS_MIN:
        larger = min(larger, _larger(deviations, like_it, BATCH_SCALES * expected.scale, repeats_min))
    clearly = CLEARLY_ABOVE * series_judged**PER_SERIES
    return replace(expected, scale=max(expected.scale, clearly * larger / score_min))


def _deviations(points: list[tuple[date, float]], expected: Expectation, day: date) -> list[tuple[float, date]]:
    """How far each day lies from the middle of its own week, the largest first; growth is none."""
    deviations = []
    for week in by_week(points, day):
        plain = [(past, value - expected.season[past.weekday()]) for past, value in week]
        middle = median(value for _past, value in plain)
        deviations += [(value - middle, past) for past, value in plain]
    return sorted(deviations, reverse=True)


def _larger(deviations: list[tuple[float, date]], usual: Collection[date], batch_min: float, repeats_min: int) -> float:
    """The mean of the larger deviations of usual days, without those that repeat themselves on the same day of other
    months by `batch_min` or more. What lies below counts, too, but no further than what lies above: a day that is
    missing in part says nothing of the days on which more is used.
    """
    counted = [(deviation, past) for deviation, past in deviations if past in usual]
    single = [
        deviation
        for deviation, past in counted
        if deviation < batch_min or _repeats(deviation, past, deviations, batch_min) < repeats_min
    ]
    if len(single) < TAIL_DAYS_MIN:
        return 0.0
    furthest = max(single[1], 0.0)
    sizes = sorted((min(abs(deviation), furthest) for deviation in single[1:]), reverse=True)
    return max(fmean(sizes[: max(round(LARGER_SHARE * len(single)), 2)]), 0.0)


def _repeats(deviation: float, past: date, deviations: list[tuple[float, date]], batch_min: float) -> int:
    """On how many same days of other months there was one like it."""
    least = max(REPEATED_SHARE * deviation, batch_min)
    return sum(other >= least and same_month_day(past, day) for other, day in deviations if day != past)
