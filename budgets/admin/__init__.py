"""Finance's desk: budgets with what is left of them, decisions with a reason, and the ledger to look at."""

from budgets.admin import accounts, budgets

__all__ = ["accounts", "budgets"]
