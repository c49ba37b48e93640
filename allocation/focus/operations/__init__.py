"""Operations on FOCUS files, as other packages import them."""

from allocation.focus.operations.rows import (
    IncomingRow,
    fail_focus_import,
    finish_focus_import,
    record_focus_rows,
    start_focus_import,
)

__all__ = [
    "IncomingRow",
    "fail_focus_import",
    "finish_focus_import",
    "record_focus_rows",
    "start_focus_import",
]
