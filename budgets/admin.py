"""Django finds this app's pages here; each concept holds its own."""

from budgets.approvals import admin as approvals
from budgets.ledger import admin as ledger

__all__ = ["approvals", "ledger"]
