"""Prices for readers and for the pricing context, as other packages import them."""

from allocation.prices.queries.prices import (
    catalogue_prices,
    price_book,
    prices_in_force,
    stated_prices,
    unit_prices,
)
from allocation.prices.queries.pricing import price_lists

__all__ = [
    "catalogue_prices",
    "price_book",
    "price_lists",
    "prices_in_force",
    "stated_prices",
    "unit_prices",
]
