from allocation.shared_cost.queries.charges import (
    allocated_charges,
)
from allocation.shared_cost.queries.pools import (
    SPEC,
    Gathered,
    gather_pools,
    pools_of,
)
from allocation.shared_cost.queries.shared import (
    FullyLoaded,
    SharedCost,
    SharedLine,
    by_branch,
    fully_loaded,
    shared_cost,
    standing_run,
)

__all__ = [
    "SPEC",
    "FullyLoaded",
    "Gathered",
    "SharedCost",
    "SharedLine",
    "allocated_charges",
    "by_branch",
    "fully_loaded",
    "gather_pools",
    "pools_of",
    "shared_cost",
    "standing_run",
]
