from budgets.requests.queries.cases import approval_case, approval_cases, said_of
from budgets.requests.queries.facts import Achieved, Before, Beside, beside
from budgets.requests.queries.limits import Limit, limits_of
from budgets.requests.queries.money import MoneyAbove, budget_charged, budgets_raised, money_above

__all__ = [
    "Achieved",
    "Before",
    "Beside",
    "Limit",
    "MoneyAbove",
    "approval_case",
    "approval_cases",
    "beside",
    "budget_charged",
    "budgets_raised",
    "limits_of",
    "money_above",
    "said_of",
]
