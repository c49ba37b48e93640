from governance.sign_in.operations.tries import (
    FAILURES_MAX,
    STRANGERS_MAX,
    STRANGERS_PAUSE,
    WITHIN,
    Lane,
    TooMany,
    Try,
    account_of,
    begin_try,
    note_failure,
    note_success,
)

__all__ = [
    "FAILURES_MAX",
    "STRANGERS_MAX",
    "STRANGERS_PAUSE",
    "WITHIN",
    "Lane",
    "TooMany",
    "Try",
    "account_of",
    "begin_try",
    "note_failure",
    "note_success",
]
