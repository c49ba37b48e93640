"""Usage for readers and for the evaluation of guardrails, as other packages import it."""

from allocation.usage.queries.dropped import (
    in_dropped_months,
    without_records,
)
from allocation.usage.queries.records import (
    GROUPS,
    records_called,
    tasks,
    usage_records,
    usage_summary,
)
from allocation.usage.queries.spans import (
    instrumentation_of,
)
from allocation.usage.queries.uncounted import (
    UnmeasuredCalls,
    uncounted_telemetry,
    unmeasured_calls,
)
from allocation.usage.queries.waiting import (
    Waiting,
    waiting_for_fold,
)
from allocation.usage.queries.windows import (
    UsageTotals,
    data_ages,
    fine_from,
    slices,
    window_totals,
    windows_totals,
)

__all__ = [
    "GROUPS",
    "UnmeasuredCalls",
    "UsageTotals",
    "Waiting",
    "data_ages",
    "fine_from",
    "in_dropped_months",
    "instrumentation_of",
    "records_called",
    "slices",
    "tasks",
    "uncounted_telemetry",
    "unmeasured_calls",
    "usage_records",
    "usage_summary",
    "waiting_for_fold",
    "window_totals",
    "windows_totals",
    "without_records",
]
