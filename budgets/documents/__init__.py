"""The kind `Budget`: a proposal that finance decides on."""

from budgets.documents.budget import BUDGET, BudgetDocument, BudgetMetadata, BudgetSpec

__all__ = ["BUDGET", "BudgetDocument", "BudgetMetadata", "BudgetSpec"]
