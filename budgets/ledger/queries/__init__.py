from budgets.ledger.queries.charging import (
    ChargedAccounts,
    charged_accounts,
    coverage_version,
    last_known_charged_accounts,
    open_accounts,
    unopened,
)
from budgets.ledger.queries.facts import (
    Below,
    BudgetFacts,
    budget_facts,
    facts_by_budget,
    facts_of,
    last_account,
    spent_by_day,
    totals_below,
    used_below,
)
from budgets.ledger.queries.usage import (
    usage_by_day,
)

__all__ = [
    "Below",
    "BudgetFacts",
    "ChargedAccounts",
    "budget_facts",
    "charged_accounts",
    "coverage_version",
    "facts_by_budget",
    "facts_of",
    "last_account",
    "last_known_charged_accounts",
    "open_accounts",
    "spent_by_day",
    "totals_below",
    "unopened",
    "usage_by_day",
    "used_below",
]
