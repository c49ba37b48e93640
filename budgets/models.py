"""Django finds this app's tables here; each concept holds its own."""

from budgets.approval_rules import models as approval_rules
from budgets.approvals import models as approvals
from budgets.forecasts import models as forecasts
from budgets.ledger import models as ledger
from budgets.plans import models as plans
from budgets.requests import models as requests
from budgets.reservations import models as reservations
from budgets.slack import models as slack

__all__ = ["approval_rules", "approvals", "forecasts", "ledger", "plans", "requests", "reservations", "slack"]
