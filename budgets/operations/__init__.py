"""Everything that changes a budget or the ledger."""

from budgets.operations.grants import give_back, grant_more
from budgets.operations.lifecycle import (
    approve_budget,
    create_budget,
    end_budget,
    reject_budget,
    submit_budget,
    withdraw_budget,
)
from budgets.operations.opening import open_periods
from budgets.operations.posting import post_usage
from budgets.operations.proposals import apply_budget, plan_budget

__all__ = [
    "apply_budget",
    "approve_budget",
    "create_budget",
    "end_budget",
    "give_back",
    "grant_more",
    "open_periods",
    "plan_budget",
    "post_usage",
    "reject_budget",
    "submit_budget",
    "withdraw_budget",
]
