from allocation.shared_cost.queries.charges import (
    allocated_charges,
)
from allocation.shared_cost.queries.committed import (
    SharedCommitment,
    shared_commitments,
)
from allocation.shared_cost.queries.pools import (
    SPEC,
    MonthPools,
    gather_pools,
    pools_of,
)
from allocation.shared_cost.queries.shared import (
    FullyLoaded,
    SharedCost,
    SharedLine,
    by_branch,
    fully_loaded,
    run_in_force,
    shared_cost,
)

__all__ = [
    "SPEC",
    "FullyLoaded",
    "MonthPools",
    "SharedCommitment",
    "SharedCost",
    "SharedLine",
    "allocated_charges",
    "by_branch",
    "fully_loaded",
    "gather_pools",
    "pools_of",
    "run_in_force",
    "shared_commitments",
    "shared_cost",
]
