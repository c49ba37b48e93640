from datetime import UTC, datetime
from decimal import Decimal

from allocation.prices.engine.price_books import BookEntry

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def entry(start: datetime, price: str, *, end: datetime | None = None, model: str = "gpt-4o") -> BookEntry:
    prices = {0: {"input": Decimal(price), "output": Decimal(0)}}
    return BookEntry("openai", model, "standard", start, end, "pricebook:contract", "1", prices)
