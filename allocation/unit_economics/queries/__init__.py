from allocation.unit_economics.queries.agent_scopes import Agent, agents, task_sizes
from allocation.unit_economics.queries.figures import (
    COST,
    UNATTRIBUTED,
    Figure,
    UnitEconomics,
    check_period,
    unit_costs_by_scope,
    unit_economics,
)

__all__ = [
    "COST",
    "UNATTRIBUTED",
    "Agent",
    "Figure",
    "UnitEconomics",
    "agents",
    "check_period",
    "task_sizes",
    "unit_costs_by_scope",
    "unit_economics",
]
