from budgets.ledger.admin import accounts

__all__ = ["accounts"]
