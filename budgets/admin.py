"""Django finds this app's pages here; each concept holds its own."""

from budgets.approvals import admin as approvals
from budgets.ledger import admin as ledger
from budgets.requests import admin as requests
from budgets.reservations import admin as reservations

__all__ = ["approvals", "ledger", "requests", "reservations"]
