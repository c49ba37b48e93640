from budgets.ledger.operations.entries import (
    balance_of,
    rebook_usage,
    write_entries,
)
from budgets.ledger.operations.lines import (
    watch_lines,
)
from budgets.ledger.operations.locks import (
    lock_balances,
    lock_for_opening,
    lock_for_posting,
)
from budgets.ledger.operations.opening import (
    Opened,
    days_to_open,
    open_missing,
    open_periods,
    record_shortfalls,
    scopes_above_and_below,
)
from budgets.ledger.operations.posting import (
    AccountsAsked,
    accounts_for_posting,
    post_usage,
    quantity_in,
)

__all__ = [
    "AccountsAsked",
    "Opened",
    "accounts_for_posting",
    "balance_of",
    "days_to_open",
    "lock_balances",
    "lock_for_opening",
    "lock_for_posting",
    "open_missing",
    "open_periods",
    "post_usage",
    "quantity_in",
    "rebook_usage",
    "record_shortfalls",
    "scopes_above_and_below",
    "watch_lines",
    "write_entries",
]
