"""Django finds this app's pages here; each concept holds its own."""

from budgets.approval_rules import admin as approval_rules
from budgets.approvals import admin as approvals
from budgets.ledger import admin as ledger
from budgets.requests import admin as requests
from budgets.reservations import admin as reservations

__all__ = ["approval_rules", "approvals", "ledger", "requests", "reservations"]
