"""Usage for readers and for the evaluation of guardrails, as other packages import it."""

from allocation.usage.queries.records import (
    GROUPS,
    tasks,
    usage_records,
    usage_summary,
)
from allocation.usage.queries.windows import (
    UsageTotals,
    data_ages,
    slices,
    window_totals,
    windows_totals,
)

__all__ = [
    "GROUPS",
    "UsageTotals",
    "data_ages",
    "slices",
    "tasks",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
