from budgets.ledger.operations.entries import (
    balance_of,
    rebook_usage,
    write_entries,
)
from budgets.ledger.operations.lines import (
    watch_lines,
)
from budgets.ledger.operations.locks import (
    lock_for_opening,
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
    post_usage,
)

__all__ = [
    "Opened",
    "balance_of",
    "days_to_open",
    "lock_for_opening",
    "open_missing",
    "open_periods",
    "post_usage",
    "rebook_usage",
    "record_shortfalls",
    "scopes_above_and_below",
    "watch_lines",
    "write_entries",
]
