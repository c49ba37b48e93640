"""Price books, exchange rates and snapshots of the catalogue, as other packages import them."""

from allocation.prices.operations.catalogue_snapshots import (
    snapshot_catalogue,
)
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
    "snapshot_catalogue",
]
