"""What moved, in words and as a picture."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.anomalies.engine.series_chart import Point, series_chart
from allocation.variance.engine.drivers import Activity
from allocation.variance.engine.variance import Line, variance_of
from allocation.variance.engine.waterfall import levels, waterfall
from allocation.variance.engine.words import amount, sentences, signed, steps
from tests.allocation.variance.engine.test_variance import M, line

NANO = 10**9
MONDAY = date(2026, 6, 1)

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


def test_the_fall_leads_from_before_to_after() -> None:
    shown = levels(
        ("Before", "2026-09", 100 * NANO), [("Volume", 50 * NANO), ("Price", -80 * NANO)], ("After", "2026-10")
    )
    assert [(one.start // NANO, one.end // NANO) for one in shown] == [(0, 100), (100, 150), (150, 70), (0, 70)]
    chart = waterfall(shown, currency="USD")
    assert [bar.kind for bar in chart.bars] == ["total", "up", "down", "total"]
    assert [bar.label for bar in chart.bars] == ["100.00", "+50.00", "−80.00", "70.00"]
    assert chart.bars[0].said == "Before (2026-09): 100.00 USD"
    assert chart.begins_at == ""


def test_an_axis_that_does_not_begin_at_nothing_says_so() -> None:
    shown = levels(("Before", "", 100_000 * NANO), [("Volume", 1000 * NANO)], ("After", ""))
    chart = waterfall(shown, currency="USD")
    assert chart.begins_at == "99k"


amounts = st.integers(-(10**14), 10**14)


@given(st.integers(0, 10**14), st.lists(amounts, max_size=5))
def test_every_bar_lies_in_the_picture(before: int, moved: list[int]) -> None:
    shown = levels(("Before", "", before), [(str(number), part) for number, part in enumerate(moved)], ("After", ""))
    chart = waterfall(shown, currency="USD")
    assert shown[-1].end == before + sum(moved)
    for bar in chart.bars:
        assert float(bar.y) >= 0
        assert float(bar.y) + float(bar.height) <= chart.height


def test_a_series_shows_gaps_bands_and_the_dearest_day() -> None:
    def point(number: int, observed: int | None, expected: int | None, *, is_anomalous: bool = False) -> Point:
        known = None if expected is None else Decimal(expected)
        high = None if known is None else known * 2
        return Point(
            MONDAY.replace(day=number), None if observed is None else Decimal(observed), known, high, is_anomalous
        )

    chart = series_chart(
        [point(1, 5, None), point(2, 10, 9), point(3, None, None), point(4, 90, 9, is_anomalous=True),
         point(5, 80, 9, is_anomalous=True)],
        unit="USD",
    )  # fmt: skip
    assert [bar.label for bar in chart.bars] == ["", "", "", "90", ""]
    assert [bar.is_missing for bar in chart.bars] == [False, False, True, False, False]
    assert len(chart.bands) == len(chart.lines) == 2
    assert chart.bars[0].said == "Mon 2026-06-01: 5.00 USD, too little history to expect anything"
    assert chart.bars[3].said == "Thu 2026-06-04: 90.00 USD, expected 9.00, unusual from 18.00"
    assert series_chart([], unit="USD").bars == ()
