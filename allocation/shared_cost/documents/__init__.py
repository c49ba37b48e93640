from allocation.shared_cost.documents.metrics import (
    METRIC_VALUE,
    MetricValue,
    metric_fault,
)
from allocation.shared_cost.documents.splits import (
    AmountPool,
    ByMetric,
    CommitmentPool,
    Even,
    Fixed,
    Matching,
    Method,
    Proportional,
    SharedCostSplitDocument,
    SplitSpec,
    UsagePool,
)

__all__ = [
    "METRIC_VALUE",
    "AmountPool",
    "ByMetric",
    "CommitmentPool",
    "Even",
    "Fixed",
    "Matching",
    "Method",
    "MetricValue",
    "Proportional",
    "SharedCostSplitDocument",
    "SplitSpec",
    "UsagePool",
    "metric_fault",
]
