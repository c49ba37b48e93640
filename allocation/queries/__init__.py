from allocation.queries.allocated import AllocatedLine, allocated_charges
from allocation.queries.attribution import GROUPINGS, OrganisationCoverage, coverage
from allocation.queries.commitments import CommittedLine, commitments_in, committed_charges
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
    "FullyLoaded",
    "OrganisationCoverage",
    "SharedCost",
    "SharedLine",
    "UsageTotals",
    "allocated_charges",
    "by_branch",
    "commitments_in",
    "committed_charges",
    "coverage",
    "data_ages",
    "fully_loaded",
    "pieces",
    "shared_cost",
    "standing_run",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
