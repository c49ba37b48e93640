"""Price books, prices and exchange rates as tables, as other packages import them."""

from allocation.prices.models.exchange_rates import (
    ExchangeRate,
)
from allocation.prices.models.price_books import (
    Basis,
    Meter,
    Price,
    PriceBook,
)

__all__ = [
    "Basis",
    "ExchangeRate",
    "Meter",
    "Price",
    "PriceBook",
]
