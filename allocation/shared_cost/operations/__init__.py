from allocation.shared_cost.operations.metrics import (
    record_metrics,
)
from allocation.shared_cost.operations.runs import (
    NothingToSplit,
    PeriodNotBegun,
    WholeOrganisation,
    planned_allocation,
    run_allocation,
    run_open_months,
)
from allocation.shared_cost.operations.splits import (
    apply_shared_cost_split,
)

__all__ = [
    "NothingToSplit",
    "PeriodNotBegun",
    "WholeOrganisation",
    "apply_shared_cost_split",
    "planned_allocation",
    "record_metrics",
    "run_allocation",
    "run_open_months",
]
