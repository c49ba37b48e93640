"""Price books, prices and exchange rates as tables, as other packages import them."""

from allocation.prices.models.catalogue_snapshots import (
    CatalogueSnapshot,
)
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
    "CatalogueSnapshot",
    "ExchangeRate",
    "Meter",
    "Price",
    "PriceBook",
]
