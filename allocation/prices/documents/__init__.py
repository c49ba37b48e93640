"""Price book and exchange rate documents, as other packages import them."""

from allocation.prices.documents.exchange_rates import (
    ExchangeRatesDocument,
    RateSpec,
)
from allocation.prices.documents.hours import (
    DailyHours,
    daily_hours,
)
from allocation.prices.documents.price_books import (
    Basis,
    Price,
    PriceBookDocument,
    PriceBookSpec,
    PriceSpec,
)

__all__ = [
    "Basis",
    "DailyHours",
    "ExchangeRatesDocument",
    "Price",
    "PriceBookDocument",
    "PriceBookSpec",
    "PriceSpec",
    "RateSpec",
    "daily_hours",
]
