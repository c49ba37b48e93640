from allocation.shared_cost.models.metrics import (
    AllocationMetric,
)
from allocation.shared_cost.models.runs import (
    AllocatedCharge,
    AllocationRun,
    RunStatus,
    SharedPool,
)
from allocation.shared_cost.models.splits import (
    SharedCostSplit,
)

__all__ = [
    "AllocatedCharge",
    "AllocationMetric",
    "AllocationRun",
    "RunStatus",
    "SharedCostSplit",
    "SharedPool",
]
