"""How amounts, counts and shares are written on every page, chart and command."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

CENT = Decimal("0.01")
NOTHING = "–"
MINUS = "−"
SIZES = ((10**9, "B"), (10**6, "M"), (10**3, "k"), (1, ""))
DIGITS, DIGITS_MAX = 3, 15
# A label may differ from its value by this share of the axis's step at most, or it would stand in the wrong place.
ROUNDED_AWAY = 1e-4
# Shares that would be rounded to everything, or to nothing.
ALL_BUT_A_LITTLE, A_LITTLE = Decimal("0.9995"), Decimal("0.0005")


def money(amount: Decimal | None, currency: str = "") -> str:
    """1,234.50 USD; three significant digits for less than a cent: 0.00125 USD. A dash for None."""
    if amount is None:
        return NOTHING
    text = small(amount) if amount and abs(amount) < CENT else f"{amount.quantize(CENT):,f}"
    return f"{text} {currency}".strip()


def small(value: Decimal) -> str:
    """Three significant digits, at least two decimal places: 0.50, 0.0525, 0.00000123."""
    text = f"{Decimal(f'{value:.3g}'):f}"
    whole, _, places = text.partition(".")
    return f"{whole}.{places.rstrip('0'):0<2}"


def unit_cost(amount: Decimal | None) -> str:
    """What one unit costs: to the cent from 1 on, below with three significant digits. A dash for None."""
    return money(amount) if amount is None or abs(amount) >= 1 else small(amount)


def count(number: int | None) -> str:
    """1,234; a dash for None."""
    return NOTHING if number is None else f"{number:,}"


def quantity(value: Decimal | int) -> str:
    """1,234 for a whole number; two decimal places for a Decimal: 1,234.50."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def exact_quantity(value: Decimal | None) -> str:
    """`36,320`, `0.125`: all the decimal places that it has and no zeros behind them. A dash for None."""
    if value is None:
        return NOTHING
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: Decimal | float, *, digits: int = DIGITS) -> str:
    """For axes and narrow columns: 950, 1.5k, 12k, 2.5M, 3B, 0.0125; at most `digits` significant digits."""
    rounded = Decimal(f"{value:.{digits}g}")
    size, suffix = next(((size, suffix) for size, suffix in SIZES if abs(rounded) >= size), SIZES[-1])
    text = f"{abs(rounded) / size:f}"
    return f"{MINUS if rounded < 0 else ''}{text.rstrip('0').rstrip('.') if '.' in text else text}{suffix}"


def shorts(values: Sequence[float]) -> list[str]:
    """Short numbers for one axis, with as many digits as its steps need."""
    step = min((abs(after - before) for before, after in pairwise(values)), default=1.0)
    enough = (
        digits
        for digits in range(DIGITS, DIGITS_MAX)
        if all(abs(float(f"{value:.{digits}g}") - value) <= step * ROUNDED_AWAY for value in values)
    )
    digits = next(enough, DIGITS_MAX)
    return [short(value, digits=digits) for value in values]


def percent(ratio: Decimal | None) -> str:
    """0.125 → `12.5 %`: one decimal place everywhere, so that one figure is written in one way. What is nearly all or
    nearly nothing is not called `100.0 %` or `0.0 %`. A dash for None.
    """
    if ratio is None:
        return NOTHING
    if ALL_BUT_A_LITTLE <= ratio < 1:
        return "99.9 %"
    return "< 0.1 %" if 0 < ratio <= A_LITTLE else f"{ratio * 100:,.1f} %"


def percent_at_least(share: Fraction) -> str:
    """In whole percent, rounded down and at most 100: 99.9 % is not shown as 100 %."""
    return f"{int(min(share, Fraction(1)) * 100)} %"


def percent_change(ratio: Decimal) -> str:
    """`+12.5 %`, `-3.0 %`."""
    return f"{ratio * 100:+,.1f} %"
