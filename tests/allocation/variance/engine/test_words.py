"""A variance in sentences."""

from dataclasses import replace

import pytest

from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.variance import UsageLine, variance_of
from allocation.variance.engine.words import amount, effect_steps, sentences, signed
from tests.allocation.variance.engine.lines import line
from tests.allocation.variance.engine.test_variance import M

NANO = 10**9

BACKFIRE = (
    "Lower prices of a saved 1,000.00 USD, and more use of it cost 1,500.00: 1.5 times what was saved (Jevons). Compare"
    " what the use is worth."
)


def sentences_of(*lines: UsageLine, activity: ActivityCounts | None = None) -> list[str]:
    return sentences(variance_of(lines, activity or ActivityCounts()), "USD")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        pytest.param([], ["Nothing was used in either period."], id="nothing"),
        pytest.param(
            [line("a", (100 * M, 300 * M), (1000, 1500))],
            [
                "Cost rose by 500.00 USD (+50.0 %), from 1,000.00 to 1,500.00: volume +1,500.00, price −1,000.00.",
                BACKFIRE,
            ],
            id="backfire",
        ),
        pytest.param(
            [line("a", (100 * M, 120 * M), (1000, 600))],
            [
                "Cost fell by 400.00 USD (−40.0 %), from 1,000.00 to 600.00: volume +150.00, price −550.00.",
                "Lower prices saved 550.00 USD, of which more use took 27.3 % back.",
            ],
            id="rebound",
        ),
        pytest.param(
            [line("a", (1, 1), (7, 7))], ["Cost stayed, from 7.00 to 7.00."], id="no change"
        ),
        pytest.param(
            [line("a", (1, 0), (7, 0))],
            [
                "Cost fell by 7.00 USD (−100.0 %), from 7.00 to 0.00: ended −7.00.",
                "7.00 USD has ended, not used any more: a −7.00.",
            ],
            id="gone",
        ),
    ],
)  # fmt: skip
def test_sentences(lines: list[UsageLine], wanted: list[str]) -> None:
    assert sentences_of(*lines) == wanted


def told(*lines: UsageLine, scope: str = "acme/search", activity: ActivityCounts | None = None) -> list[str]:
    return sentences(variance_of(lines, activity or ActivityCounts(), scope=scope), "EUR")[1:]


def test_what_is_new_is_named_with_its_scope() -> None:
    agent, mini = line("agent", (0, 10), (0, 30)), line("mini", (0, 10), (0, 2))
    names = "agent in acme/search +30.00, mini in acme/search +2.00"
    [sentence] = told(line("old", (10, 10), (7, 7)), agent, mini)
    assert sentence == f"32.00 EUR is new, not used before: {names}. Check that it was planned."
    [sentence] = told(agent, mini)
    assert sentence == "32.00 EUR is new, not used before: acme/search +32.00. Check that it was planned."


def test_a_base_near_zero_is_too_small_to_compare() -> None:
    [headline, small, *_] = sentences_of(line("a", (1, 1500), (1, 1500)))
    assert headline == "Cost rose by 1,499.00 USD, from 1.00 to 1,500.00: volume +1,499.00."
    assert small == "1.00 USD before is too small to compare with: read the amounts, not a percentage."
    assert "(+2,000.0 %)" in sentences_of(line("a", (1, 21), (1, 21)))[0]


def test_a_cache_regression_is_named() -> None:
    """At 10 and 1 a unit: 80 % of the input was cached, then 20 %."""
    regression = [
        line("a", (20, 80), (200, 800)), line("a", (80, 20), (80, 20), kind="cached_input"),
    ]  # fmt: skip
    [sentence] = told(*regression)
    moved = "of the input of a in acme/search, the cached share fell from 80.0 % to 20.0 %."
    assert sentence == f"540.00 EUR more for less caching: {moved} Look for a changed start of its prompts."
    assert told(line("a", (80, 20), (800, 200)), line("a", (20, 80), (20, 80), kind="cached_input")) == [
        "540.00 EUR saved by caching: of the input of a in acme/search, the cached share rose from 20.0 % to 80.0 %."
    ]
    assert told(line("a", (98, 100), (980, 1000)), line("a", (2, 0), (2, 0), kind="cached_input")) == []


def test_exchange_rates_are_named() -> None:
    priced = replace(line("a", (10, 10), (100, 120)), foreign=(200 * NANO, 200 * NANO))
    assert told(priced) == ["20.00 EUR more comes from exchange rates alone: neither use nor prices changed by it."]


def test_how_a_running_period_is_compared_is_said() -> None:
    variance = variance_of([line("a", (1, 2), (7, 9))], ActivityCounts())
    assert sentences(variance, "USD", "November still runs.")[1] == "November still runs."


def test_effects_that_a_scope_cannot_have_are_left_out() -> None:
    variance = variance_of([line("a", (1, 2), (7, 9))], ActivityCounts())
    assert [step.title for step in effect_steps(variance)] == ["Volume", "Mix", "Price"]
    requests = ActivityCounts(requests=(1, 2))
    assert [step.title for step in effect_steps(variance_of([line("a", (1, 2), (7, 9))], requests))] == [
        "Volume", "Tokens per request", "Mix", "Price",
    ]  # fmt: skip
    both = [line("a", (1, 2), (7, 9)), line("own", (1, 2), (7, 9), unit="gpu_hour", kind="gpu_hour")]
    assert effect_steps(variance_of(both, requests))[1].title == "Use per request"


@pytest.mark.parametrize(
    ("nanos", "unsigned", "sign"),
    [
        (1_234_500_000_000, "1,234.50", "+1,234.50"),
        (-1_234_500_000_000, "−1,234.50", "−1,234.50"),
        (0, "0.00", "0.00"),
        (1_234, "0.00000123", "+0.00000123"),
    ],
)
def test_amounts_are_written_to_the_cent_unless_smaller_than_one(nanos: int, unsigned: str, sign: str) -> None:
    assert (amount(nanos), signed(nanos)) == (unsigned, sign)
