"""What is allowed (Budget) and the double-entry ledger that holds it (Account, Transfer)."""

from budgets.models.budget import IN_FORCE, OPEN, Budget, BudgetQuerySet
from budgets.models.ledger import Account, AccountQuerySet, CoverageVersion, Transfer, TransferQuerySet

__all__ = [
    "IN_FORCE",
    "OPEN",
    "Account",
    "AccountQuerySet",
    "Budget",
    "BudgetQuerySet",
    "CoverageVersion",
    "Transfer",
    "TransferQuerySet",
]
