from allocation.queries.allocated import AllocatedLine, allocated_charges
from allocation.queries.attribution import GROUPINGS, OrganisationCoverage, coverage
from allocation.queries.commitments import CommittedLine, commitments_in, committed_charges
from allocation.queries.pricecoverage import Coverage, price_coverage
from allocation.queries.prices import catalogue_prices, price_book, prices_in_force, stated_prices, unit_prices
from allocation.queries.shared_cost import (
    FullyLoaded,
    SharedCost,
    SharedLine,
    by_branch,
    fully_loaded,
    shared_cost,
    standing_run,
)
from allocation.queries.usage import GROUPS, SUMMED, usage_records, usage_summary
from allocation.queries.windows import UsageTotals, data_ages, pieces, window_totals, windows_totals

__all__ = [
    "GROUPINGS",
    "GROUPS",
    "SUMMED",
    "AllocatedLine",
    "CommittedLine",
    "Coverage",
    "FullyLoaded",
    "OrganisationCoverage",
    "SharedCost",
    "SharedLine",
    "UsageTotals",
    "allocated_charges",
    "by_branch",
    "catalogue_prices",
    "commitments_in",
    "committed_charges",
    "coverage",
    "data_ages",
    "fully_loaded",
    "pieces",
    "price_book",
    "price_coverage",
    "prices_in_force",
    "shared_cost",
    "standing_run",
    "stated_prices",
    "unit_prices",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
