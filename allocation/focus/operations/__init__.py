"""Operations on FOCUS files, as other packages import them."""

from allocation.focus.operations.rows import (
    IncomingRow,
    fail_focus_import,
    finish_focus_import,
    record_focus_rows,
    root_of,
    start_focus_import,
)
from allocation.focus.operations.statements import (
    DIGEST_BYTES,
    AccountPeriod,
    Replacement,
    Statement,
)
from allocation.focus.operations.waiting import (
    WaitingCharges,
    count_waiting_charges,
)
from allocation.focus.operations.withdrawal import (
    withdraw_focus_import,
)

__all__ = [
    "DIGEST_BYTES",
    "AccountPeriod",
    "IncomingRow",
    "Replacement",
    "Statement",
    "WaitingCharges",
    "count_waiting_charges",
    "fail_focus_import",
    "finish_focus_import",
    "record_focus_rows",
    "root_of",
    "start_focus_import",
    "withdraw_focus_import",
]
