from decimal import Decimal
from fractions import Fraction

import pytest

from governance.charts.engine.numbers import (
    exact_quantity,
    money,
    percent,
    percent_at_least,
    percent_change,
    quantity,
    short,
    shorts,
    small,
    unit_cost,
)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (Decimal("0.0525"), "0.0525"),
        (1.23456e-6, "0.00000123"),
        (12, "12"),
        (950, "950"),
        (999.9, "1k"),
        (1000, "1k"),
        (1500, "1.5k"),
        (12_000, "12k"),
        (Decimal(12_345), "12.3k"),
        (999_950, "1M"),
        (2_500_000, "2.5M"),
        (3_000_000_000, "3B"),
        (40_000_000_000_000, "40000B"),
        (-12_000, "−12k"),
    ],
)
def test_a_short_number_is_short_everywhere(value: Decimal | float, wanted: str) -> None:
    assert short(value) == wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param((0.0, 2500.0, 5000.0), ["0", "2.5k", "5k"], id="thousands from the first thousand on"),
        pytest.param((-500.0, 0.0, 500.0, 1000.0), ["−500", "0", "500", "1k"], id="below nothing"),
        pytest.param((99_000.0, 99_500.0, 100_000.0), ["99k", "99.5k", "100k"], id="as many digits as are needed"),
        pytest.param((1_234_500.0, 1_234_750.0), ["1.2345M", "1.23475M"], id="never two labels alike"),
    ],
)
def test_the_labels_of_an_axis_tell_its_steps_apart(values: tuple[float, ...], wanted: list[str]) -> None:
    assert shorts(values) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("0.5", "0.50"), ("0.0525", "0.0525"), ("0.005000000", "0.005"), ("0.00000123456", "0.00000123"), ("0", "0.00")],
)
def test_what_is_small_keeps_three_digits_and_its_cents(value: str, wanted: str) -> None:
    assert small(Decimal(value)) == wanted


def test_money_is_said_to_the_cent_unless_smaller_than_one() -> None:
    texts = [money(Decimal(amount), "USD") for amount in ("1234.5", "0.00125", "-0.00125", "0")]
    assert [*texts, money(None)] == ["1,234.50 USD", "0.00125 USD", "-0.00125 USD", "0.00 USD", "–"]


def test_a_unit_cost_has_three_digits_below_one() -> None:
    values = ("1234.5", "1", "0.9987", "0.011617", "-0.011617", "0")
    assert [unit_cost(Decimal(value)) for value in values] == ["1,234.50", "1.00", "0.999", "0.0116", "-0.0116", "0.00"]
    assert unit_cost(None) == "–"


def test_whole_things_have_no_places() -> None:
    assert [quantity(1234), quantity(Decimal(1234)), quantity(Decimal("0.126"))] == ["1,234", "1,234.00", "0.13"]


def test_a_quantity_keeps_its_places_and_loses_its_zeros() -> None:
    values = ("36320.000000000", "0.125000", "100", "-0.50", "0.000")
    assert [exact_quantity(Decimal(value)) for value in values] == ["36,320", "0.125", "100", "-0.5", "0"]
    assert exact_quantity(None) == "–"


def test_a_share_is_written_in_one_way_and_never_rounded_to_all_or_nothing() -> None:
    ratios = ("0.125", "1.075", "0.8", "-0.03", "0", "1", "12.345", "0.9999", "0.9995", "0.0004", "0.0005")
    assert [percent(Decimal(ratio)) for ratio in ratios] == [
        "12.5 %", "107.5 %", "80.0 %", "-3.0 %", "0.0 %", "100.0 %", "1,234.5 %", "99.9 %", "99.9 %", "< 0.1 %",
        "< 0.1 %",
    ]  # fmt: skip
    assert percent(None) == "–"


def test_percent_of_changes_and_of_at_least() -> None:
    assert [percent_change(Decimal(ratio)) for ratio in ("0.125", "-0.03")] == ["+12.5 %", "-3.0 %"]
    assert [percent_at_least(Fraction(999, 1000)), percent_at_least(Fraction(3, 2))] == ["99 %", "100 %"]
