from allocation.queries.outcomes import outcomes, tasks
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
    "GROUPS",
    "SUMMED",
    "UNATTRIBUTED",
    "Figure",
    "UnitEconomics",
    "UsageTotals",
    "data_ages",
    "outcomes",
    "pieces",
    "tasks",
    "unit_costs_by_scope",
    "unit_economics",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
