from budgets.ledger.queries.charging import Coverage, coverage, covers, last_known_coverage, unopened
from budgets.ledger.queries.facts import (
    BudgetFacts,
    budget_facts,
    facts_by_budget,
    facts_of,
    last_account,
    spent_by_day,
    used_below,
)
from budgets.ledger.queries.usage import (
    usage_by_day,
)

__all__ = [
    "BudgetFacts",
    "Coverage",
    "budget_facts",
    "coverage",
    "covers",
    "facts_by_budget",
    "facts_of",
    "last_account",
    "last_known_coverage",
    "spent_by_day",
    "unopened",
    "usage_by_day",
    "used_below",
]
