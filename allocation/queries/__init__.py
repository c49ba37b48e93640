from allocation.queries.allocated import AllocatedLine, allocated_charges
from allocation.queries.anomalies import AnomalyKpis, DayAround, anomalies_seen, anomaly_kpis, days_around
from allocation.queries.attribution import GROUPINGS, OrganisationCoverage, coverage
from allocation.queries.commitments import CommittedLine, commitments_in, committed_charges
from allocation.queries.movement import ScopeMovement, money_of, periods_asked, scope_movement, scope_movements
from allocation.queries.outcomes import outcomes, tasks
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
from allocation.queries.unit_economics import (
    COST,
    UNATTRIBUTED,
    Figure,
    UnitEconomics,
    unit_costs_by_scope,
    unit_economics,
)
from allocation.queries.usage import GROUPS, SUMMED, usage_records, usage_summary
from allocation.queries.windows import UsageTotals, data_ages, pieces, window_totals, windows_totals

__all__ = [
    "COST",
    "GROUPINGS",
    "GROUPS",
    "SUMMED",
    "UNATTRIBUTED",
    "AllocatedLine",
    "AnomalyKpis",
    "CommittedLine",
    "Coverage",
    "DayAround",
    "Figure",
    "FullyLoaded",
    "OrganisationCoverage",
    "ScopeMovement",
    "SharedCost",
    "SharedLine",
    "UnitEconomics",
    "UsageTotals",
    "allocated_charges",
    "anomalies_seen",
    "anomaly_kpis",
    "by_branch",
    "catalogue_prices",
    "commitments_in",
    "committed_charges",
    "coverage",
    "data_ages",
    "days_around",
    "fully_loaded",
    "money_of",
    "outcomes",
    "periods_asked",
    "pieces",
    "price_book",
    "price_coverage",
    "prices_in_force",
    "scope_movement",
    "scope_movements",
    "shared_cost",
    "standing_run",
    "stated_prices",
    "tasks",
    "unit_costs_by_scope",
    "unit_economics",
    "unit_prices",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
