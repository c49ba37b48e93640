from budgets.approvals.admin import budgets

__all__ = ["budgets"]
