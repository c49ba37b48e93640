"""What moved, in words."""

import pytest

from allocation.variance.engine.drivers import Activity
from allocation.variance.engine.variance import Line, variance_of
from allocation.variance.engine.words import amount, sentences, signed, steps
from tests.allocation.variance.engine.test_variance import M, line

NANO = 10**9

BACKFIRE = (
    "Lower prices saved 1,000.00 USD and more use cost 1,500.00: 1.5 times what was saved, so cheaper came out dearer"
    " (Jevons)."
)


def told(*lines: Line, activity: Activity | None = None) -> list[str]:
    return sentences(variance_of(lines, activity or Activity()), "USD")


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
def test_sentences(lines: list[Line], wanted: list[str]) -> None:
    assert told(*lines) == wanted


def test_what_a_scope_cannot_have_is_not_told() -> None:
    moved = variance_of([line("a", (1, 2), (7, 9))], Activity())
    assert [step.title for step in steps(moved)] == ["Volume", "Mix", "Price"]
    requests = Activity(requests=(1, 2))
    assert [step.title for step in steps(variance_of([line("a", (1, 2), (7, 9))], requests))] == [
        "Volume", "Tokens per request", "Mix", "Price",
    ]  # fmt: skip
    both = [line("a", (1, 2), (7, 9)), line("own", (1, 2), (7, 9), unit="gpu_hour", kind="gpu_hour")]
    assert steps(variance_of(both, requests))[1].title == "Use per request"


@pytest.mark.parametrize(
    ("nanos", "said", "sign"),
    [
        (1_234_500_000_000, "1,234.50", "+1,234.50"),
        (-1_234_500_000_000, "−1,234.50", "−1,234.50"),
        (0, "0.00", "0.00"),
        (1_234, "0.00000123", "+0.00000123"),
    ],
)
def test_amounts_are_told_to_the_cent_unless_smaller_than_one(nanos: int, said: str, sign: str) -> None:
    assert (amount(nanos), signed(nanos)) == (said, sign)
