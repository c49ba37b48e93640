"""A variance in sentences."""

import pytest

from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.variance import UsageLine, variance_of
from allocation.variance.engine.words import amount, effect_steps, sentences, signed
from tests.allocation.variance.engine.lines import line
from tests.allocation.variance.engine.test_variance import M

NANO = 10**9

BACKFIRE = (
    "Lower prices saved 1,000.00 USD and more use cost 1,500.00: 1.5 times what was saved, so lower prices led to a"
    " higher cost (Jevons)."
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
                "Cost fell by 7.00 USD (−100.0 %), from 7.00 to 0.00: volume −7.00.",
                "Its use has ended, so all is volume.",
            ],
            id="gone",
        ),
    ],
)  # fmt: skip
def test_sentences(lines: list[UsageLine], wanted: list[str]) -> None:
    assert sentences_of(*lines) == wanted


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
