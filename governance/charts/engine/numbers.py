"""Number words: how amounts, counts and shares read on every page, picture and command."""

from decimal import Decimal

CENT = Decimal("0.01")
NOTHING = "–"


def money(amount: Decimal | None, currency: str = "") -> str:
    """1,234.50 USD; 0.0125 where a cent is too coarse, to three digits that say something."""
    if amount is None:
        return NOTHING
    if amount and abs(amount) < CENT:
        small = f"{Decimal(f'{amount:.3g}'):f}"
        return f"{small.rstrip('0') if '.' in small else small} {currency}".strip()
    return f"{amount.quantize(CENT):,f} {currency}".strip()


def count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"
