from allocation.queries.attribution import GROUPINGS, OrganisationCoverage, coverage
from allocation.queries.usage import GROUPS, SUMMED, usage_records, usage_summary
from allocation.queries.windows import UsageTotals, data_ages, pieces, window_totals, windows_totals

__all__ = [
    "GROUPINGS",
    "GROUPS",
    "SUMMED",
    "OrganisationCoverage",
    "UsageTotals",
    "coverage",
    "data_ages",
    "pieces",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
