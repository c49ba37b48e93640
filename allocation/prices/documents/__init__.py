"""Price book and exchange rate documents, as other packages import them."""

from allocation.prices.documents.exchange_rates import (
    ExchangeRatesDocument,
    RateSpec,
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
    "ExchangeRatesDocument",
    "Price",
    "PriceBookDocument",
    "PriceBookSpec",
    "PriceSpec",
    "RateSpec",
]
