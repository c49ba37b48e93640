"""Price books and exchange rates from documents and files, as other packages import them."""

from allocation.prices.operations.exchange_rates import (
    apply_exchange_rates,
    import_exchange_rates,
)
from allocation.prices.operations.price_books import (
    BookTerms,
    ImportedPrices,
    apply_price_book,
    import_prices,
    plan_price_book,
)

__all__ = [
    "BookTerms",
    "ImportedPrices",
    "apply_exchange_rates",
    "apply_price_book",
    "import_exchange_rates",
    "import_prices",
    "plan_price_book",
]
