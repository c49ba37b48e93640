from allocation.corrections.operations.adjustments import (
    begin_run,
    books_in_force,
    finish_run,
    lock_corrections,
)
from allocation.corrections.operations.imports import (
    ImportWithdrawn,
    RecordsDropped,
    Settlement,
    settle_import,
    withdraw_import,
)
from allocation.corrections.operations.reattribution import (
    Reattribution,
    reattribute_usage,
)
from allocation.corrections.operations.repeated_calls import (
    take_back_repeated_calls,
)
from allocation.corrections.operations.rerating import (
    event_of,
    rerate_usage,
)
from allocation.corrections.operations.taking_back import (
    count_again,
    take_back,
)

__all__ = [
    "ImportWithdrawn",
    "Reattribution",
    "RecordsDropped",
    "Settlement",
    "begin_run",
    "books_in_force",
    "count_again",
    "event_of",
    "finish_run",
    "lock_corrections",
    "reattribute_usage",
    "rerate_usage",
    "settle_import",
    "take_back",
    "take_back_repeated_calls",
    "withdraw_import",
]
