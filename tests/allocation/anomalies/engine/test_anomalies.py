"""Days far above what their weekday and level predict."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.anomalies.engine.anomalies import (
    AnomalousSpan,
    EarlierDays,
    JudgedDay,
    Thresholds,
    Verdict,
    anomalous_spans,
    judge_day,
    judge_days,
)
from tests.allocation.conftest import SHARED, needs_shared_data

MONDAY = date(2026, 6, 1)
DAY = timedelta(days=1)
THRESHOLDS = Thresholds(excess_min=Decimal(10))
WEEK = (100, 110, 105, 120, 95, 30, 20)


def weekly(days: int, changes: Mapping[int, float | None] | None = None) -> dict[date, Decimal]:
    """A season of 7 days that wobbles by a few per cent; `changes` by number of the day, None for no data."""
    values = {number: Decimal(WEEK[number % 7] * (100 + number * 37 % 11)) / 100 for number in range(days)}
    for number, value in (changes or {}).items():
        if value is None:
            del values[number]
        else:
            values[number] = Decimal(str(value))
    return {MONDAY + DAY * number: value for number, value in values.items()}


def spans_of(
    series: Mapping[date, Decimal], days: Iterable[int], thresholds: Thresholds = THRESHOLDS
) -> list[AnomalousSpan]:
    return anomalous_spans(judge_days(series, [MONDAY + DAY * number for number in days], thresholds))


def spans(detected: Iterable[AnomalousSpan]) -> list[tuple[int, int, bool]]:
    return [((span.first_day - MONDAY).days, (span.last_day - MONDAY).days, span.is_over) for span in detected]


@pytest.mark.parametrize(
    ("series", "wanted"),
    [
        pytest.param(weekly(80), [], id="a weekly season is no anomaly, though Mondays are five times Sundays"),
        pytest.param(weekly(80, {70: 400}), [(70, 70, True)], id="a spike"),
        pytest.param(weekly(71, {70: 400}), [(70, 70, False)], id="on the last day: it may go on"),
        pytest.param(weekly(80, {68: 100}), [(68, 68, True)], id="a Sunday like a Monday"),
        pytest.param(weekly(80, {70: 400, 71: 500, 72: 450}), [(70, 72, True)], id="days in a row are one"),
        pytest.param(
            weekly(80, {70: 400, 71: None, 72: 450}), [(70, 72, True)], id="a day without data does not end it"
        ),
        pytest.param(weekly(80, {70: 400, 72: 450}), [(70, 70, True), (72, 72, True)], id="a normal day does"),
        pytest.param(weekly(73, {70: 400, 71: None, 72: None}), [(70, 70, False)], id="no data is not good news"),
        pytest.param(weekly(80, {70: 0}), [], id="a day without use"),
        pytest.param(weekly(80, {70: 100 * 1.2}), [], id="less than a quarter above"),
        pytest.param(weekly(80, dict.fromkeys(range(50, 62), 0)), [], id="back after a pause"),
    ],
)  # fmt: skip
def test_cases(series: Mapping[date, Decimal], wanted: list[tuple[int, int, bool]]) -> None:
    assert spans(spans_of(series, range(60, (max(series) - MONDAY).days + 1))) == wanted


def test_a_spike_carries_what_was_expected_and_why() -> None:
    [span] = spans_of(weekly(80, {70: 400}), range(60, 80))
    judged = span.worst
    assert judged.observed == 400
    assert judged.expected is not None
    assert Decimal(95) < judged.expected < Decimal(115)
    assert judged.excess == 400 - judged.expected
    assert judged.reason.startswith("400.00 on 2026-08-10; ")
    assert " was expected on a Monday, from 56 earlier days of use, " in judged.reason


def test_a_small_excess_is_no_anomaly() -> None:
    series = {day: value / 100 for day, value in weekly(80, {70: 400}).items()}
    assert spans_of(series, range(60, 80)) == []
    assert len(spans_of(series, range(60, 80), Thresholds(excess_min=Decimal(1)))) == 1


def tripled(since: int, until: int) -> dict[date, Decimal]:
    """120 days, three times as much from day `since` to before day `until`."""
    return {
        day: value * 3 if MONDAY + DAY * since <= day < MONDAY + DAY * until else value
        for day, value in weekly(120).items()
    }


def test_a_new_level_is_one_anomaly_for_as_long_as_it_lasts() -> None:
    assert spans(spans_of(tripled(70, 120), range(60, 120))) == [(70, 119, False)]
    assert spans(spans_of(tripled(70, 100), range(60, 120))) == [(70, 99, True)]


def test_a_new_level_is_usual_once_it_is_accepted() -> None:
    """Its days of the week stay known: a Sunday like a Monday is an anomaly on the new level, too."""
    series = tripled(70, 120) | {MONDAY + DAY * 96: Decimal(330)}
    accepted = EarlierDays(accepted=((MONDAY + DAY * 70, MONDAY + DAY * 72),))
    judged = judge_days(series, [MONDAY + DAY * number for number in range(70, 120)], THRESHOLDS, accepted)
    assert spans(anomalous_spans(judged)) == [(96, 96, True)]
    assert {day.reason for day in judged[:3]} == {"accepted as usual"}


def test_one_usual_day_does_not_end_what_has_lasted_a_week() -> None:
    series = tripled(70, 120) | {MONDAY + DAY * 84: Decimal(105)}
    assert spans(spans_of(series, range(60, 120))) == [(70, 119, False)]


def test_days_too_small_to_tell_neither_end_a_rise_nor_extend_it() -> None:
    """Weekends of 2 in a scope of 100: three times as much is less than the least that is told of."""
    quiet = {day: value / 15 if day.weekday() > 4 else value for day, value in tripled(70, 120).items()}
    assert spans(spans_of(quiet, range(60, 118))) == [(70, 116, False)]


def test_a_first_use_is_a_launch_from_the_least_amount_given() -> None:
    """Nothing was used before, so that only its size tells."""
    series = {MONDAY + DAY * number: Decimal(0 if number < 70 else 500) for number in range(90)}
    days = [MONDAY + DAY * number for number in range(60, 90)]
    launches = {day: Decimal(400) for day in days}
    told = anomalous_spans(judge_days(series, days, replace(THRESHOLDS, launch_min=launches)))
    assert spans(told) == [(70, 89, False)]
    assert told[0].days[0].reason == "500.00 on 2026-08-10; nothing that matters was used before; score 6.4."
    assert spans_of(series, range(60, 90)) == []
    few = replace(THRESHOLDS, launch_min={day: Decimal(501) for day in days})
    assert anomalous_spans(judge_days(series, days, few)) == []


def test_a_day_off_is_known_by_its_weekday() -> None:
    weekend = {number: 0 for number in range(80) if number % 7 > 4}
    assert spans_of(weekly(80, weekend), range(60, 80)) == []
    [span] = spans_of(weekly(80, {**weekend, 68: 90}), range(60, 80))
    assert (span.first_day, span.worst.expected) == (MONDAY + DAY * 68, 0)


def test_a_weekday_without_use_by_chance_is_no_day_off() -> None:
    """Used on two days of three, and by chance on no Saturday of eight weeks."""
    idle = {number: 0 for number in range(80) if number % 3 == 1 or (number % 7 == 5 and number < 75)}
    assert spans_of(weekly(80, {**idle, 75: 60}), range(60, 80)) == []


def test_a_day_off_that_was_told_of_is_told_of_once() -> None:
    """It was used, so that its weekday is no day off any more."""
    weekend = {number: 0 for number in range(100) if number % 7 > 4}
    assert spans(spans_of(weekly(100, {**weekend, 68: 90, 75: 90, 82: 90}), range(60, 100))) == [(68, 68, True)]


def test_a_few_calls_a_day_vary_though_most_days_are_equal() -> None:
    """One call on most days, two on one of four: a day of three is none of a different kind."""
    calls = {number: 20 if number % 4 == 1 else 10 for number in range(80)}
    few = Thresholds(excess_min=Decimal(5))
    assert spans_of(weekly(80, {**calls, 70: 30}), range(60, 80), few) == []
    assert spans(spans_of(weekly(80, {**calls, 70: 200}), range(60, 80), few)) == [(70, 70, True)]


def test_of_many_series_one_lies_far_out_by_chance() -> None:
    """The more of a scope are judged, the more a day must stand out."""
    random = Random(3)
    series = clean(random, sigma=0.2)
    series[MONDAY + DAY * 100] *= 5
    assert len(spans_of(series, [100])) == 1
    assert spans_of(series, [100], replace(THRESHOLDS, series_judged=30)) == []


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (0, "0 days of use before it, 14 needed"),
        (1, "1 days of use before it, 14 needed"),
        (13, "13 days of use before it, 14 needed"),
    ],
)
def test_little_history_gives_no_verdict(days: int, reason: str) -> None:
    series = weekly(days) | {MONDAY + DAY * days: Decimal(10_000)}
    assert judge_day(series, MONDAY + DAY * days, THRESHOLDS) == JudgedDay(
        MONDAY + DAY * days, Verdict.NONE, Decimal(10_000), reason=reason
    )


def test_history_begins_with_the_first_use() -> None:
    series = {MONDAY + DAY * number: Decimal(0) for number in range(50)} | {MONDAY + DAY * 50: Decimal(10_000)}
    assert judge_day(series, MONDAY + DAY * 50, THRESHOLDS).verdict == Verdict.NONE


def test_a_day_is_judged_by_the_days_before_it_alone() -> None:
    short, long = weekly(71, {70: 400}), weekly(100, {70: 400, 80: 9000})
    day = MONDAY + DAY * 70
    assert judge_day(short, day, THRESHOLDS) == judge_day(long, day, THRESHOLDS)


@given(st.integers(60, 79), st.integers(2, 1000))
def test_more_spending_is_never_less_anomalous(number: int, factor: int) -> None:
    day = MONDAY + DAY * number
    less, more = (
        judge_day(weekly(80, {number: WEEK[number % 7] * times}), day, THRESHOLDS) for times in (factor, factor + 1)
    )
    assert less.score <= more.score
    assert (less.verdict, more.verdict) != (Verdict.ANOMALOUS, Verdict.NORMAL)


# --- how often a clean series is called anomalous -----------------------------------------------------------------

FALSE_DAYS_OF_1000_MAX = 1


def clean(
    random: Random, *, sigma: float, weekend: float = 0.4, growth: float = 0.0, idle: float = 0.0
) -> dict[date, Decimal]:
    """120 days of lognormal noise around a weekly season."""
    return {
        MONDAY + DAY * number: Decimal(
            0
            if random.random() < idle
            else round(100 * exp(random.gauss(growth * number, sigma)) * (weekend if number % 7 > 4 else 1), 6)
        ).quantize(Decimal("1e-9"))
        for number in range(120)
    }


@pytest.mark.long
@pytest.mark.parametrize(
    "shape",
    [
        {"sigma": 0.1},
        {"sigma": 0.5},
        {"sigma": 0.3, "growth": 0.01},
        {"sigma": 0.3, "weekend": 0.0},
        {"sigma": 0.4, "idle": 0.2},
        {"sigma": 0.4, "idle": 0.8},
    ],
    ids=str,
)  # fmt: skip
def test_false_alarms_are_rare_on_clean_series(shape: dict[str, float]) -> None:
    """60 series of 106 judged days each, always the same ones."""
    random = Random(7)
    series = [clean(random, **shape) for _ in range(60)]
    judged = [day for each in series for day in judge_days(each, list(each)[14:], THRESHOLDS)]
    false = sum(day.verdict == Verdict.ANOMALOUS for day in judged)
    assert false * 1000 <= FALSE_DAYS_OF_1000_MAX * len(judged)


@pytest.mark.long
def test_planted_spikes_are_found() -> None:
    """Five times as much in 60 noisy series of 20 % noise: nearly all of them."""
    random = Random(11)
    hits = 0
    for _ in range(60):
        series = clean(random, sigma=0.2)
        day = MONDAY + DAY * random.randrange(60, 120)
        series[day] *= 5
        hits += judge_day(series, day, THRESHOLDS).verdict == Verdict.ANOMALOUS
    assert hits >= 58


@needs_shared_data
def test_real_traffic_that_repeats_itself_is_not_anomalous_and_doubled_traffic_thrice_is() -> None:
    """A real hour of a language model service, its minutes taken for days: noise as it occurs, without a season."""
    trace = next((SHARED / "mooncake").glob("*conversation*.jsonl"))
    tokens: dict[int, int] = {}
    for row in map(json.loads, trace.read_text().splitlines()):
        minute = row["timestamp"] // 60_000
        tokens[minute] = tokens.get(minute, 0) + row["input_length"] + row["output_length"]
    whole = sorted(tokens)[1:-1]
    series = {MONDAY + DAY * place: Decimal(tokens[minute]) for place, minute in enumerate(whole)}
    last = max(series)
    assert spans_of(series, range(len(series)), Thresholds(excess_min=Decimal(1000))) == []
    raised = series | {last: series[last] * 6}
    assert judge_day(raised, last, Thresholds(excess_min=Decimal(1000))).verdict == Verdict.ANOMALOUS
