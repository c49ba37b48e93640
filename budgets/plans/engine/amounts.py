"""Units of budgets. The ledger counts GPU seconds where a budget says GPU hours: a second is no exact decimal of an
hour.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

Unit = Literal["money", "tokens", "requests", "gpu_hours"]
UNITS: tuple[Unit, ...] = ("money", "tokens", "requests", "gpu_hours")
WHOLE_UNITS = frozenset({"tokens", "requests"})
NANO = Decimal("0.000000001")
SECONDS_PER_HOUR = 3600


def ledger_quantity(unit: str, amount: Decimal) -> Decimal:
    """The quantity that the ledger counts for an amount in a budget's unit."""
    return amount * SECONDS_PER_HOUR if unit == "gpu_hours" else amount


def budget_quantity(unit: str, quantity: Decimal) -> Decimal:
    """A quantity of the ledger as an amount in the budget's unit, to nine decimal places."""
    if unit != "gpu_hours":
        return quantity
    return (quantity / SECONDS_PER_HOUR).quantize(NANO, rounding=ROUND_HALF_EVEN)


def plain(amount: Decimal) -> str:
    """1E+2 → 100, 0.500000000 → 0.5: no exponent and no trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def spoken(unit: str, amount: Decimal, currency: str = "") -> str:
    """With its unit, for sentences: `1,234.50 USD`, `40 tokens`, `2.5 GPU hours`."""
    if unit == "money":
        cents = amount.quantize(Decimal("0.01"))
        text = f"{cents:,f}" if cents == amount else f"{Decimal(plain(amount)):,f}"
        return f"{text} {currency}".strip()
    names = {"tokens": "tokens", "requests": "requests", "gpu_hours": "GPU hours"}
    return f"{Decimal(plain(amount)):,f} {names[unit]}"


def rounded(unit: str, amount: Decimal, currency: str = "") -> str:
    """With its unit, for tables: money and GPU hours to two places; what would be rounded to zero keeps its digits."""
    places = Decimal("0.01") if unit in {"money", "gpu_hours"} else Decimal(1)
    short = amount.quantize(places, rounding=ROUND_HALF_EVEN)
    return spoken(unit, amount if amount and not short else short, currency)
