"""Figures of unit economics, of scopes and of their agents."""

from allocation.unit_economics.queries.agent_scopes import AgentFigures, agent_figures, task_sizes
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
    "AgentFigures",
    "Figure",
    "UnitEconomics",
    "agent_figures",
    "check_period",
    "task_sizes",
    "unit_costs_by_scope",
    "unit_economics",
]
