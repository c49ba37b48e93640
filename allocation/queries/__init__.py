from allocation.queries.coverage import Coverage, price_coverage
from allocation.queries.prices import catalogue_prices, price_book, prices_in_force, stated_prices, unit_prices
from allocation.queries.usage import GROUPS, SUMMED, usage_records, usage_summary
from allocation.queries.windows import UsageTotals, data_ages, pieces, window_totals, windows_totals

__all__ = [
    "GROUPS",
    "SUMMED",
    "Coverage",
    "UsageTotals",
    "catalogue_prices",
    "data_ages",
    "pieces",
    "price_book",
    "price_coverage",
    "prices_in_force",
    "stated_prices",
    "unit_prices",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
