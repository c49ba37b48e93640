from governance.work.operations.apart import (
    Apart,
    each_apart,
    is_of_the_database,
    is_of_the_rows,
    sqlstate_of,
    tell_faults,
)
from governance.work.operations.arrays import (
    nullable_array,
    number_array,
    text_array,
)
from governance.work.operations.behind import (
    behind,
    send,
)
from governance.work.operations.bulk import (
    copy_rows,
    copy_values,
    insert_rows,
    insert_values,
    json_text,
)
from governance.work.operations.deadlines import (
    DeadlineOver,
    within,
)
from governance.work.operations.dirty_scopes import (
    ANY_DIRTY,
    DIRTY_CHANNEL,
    DirtyClaim,
    WhichDirty,
    claim_dirty_scopes,
    mark_scopes_dirty,
    settle_dirty_scopes,
)
from governance.work.operations.giving_way import (
    give_way,
)
from governance.work.operations.heartbeats import (
    beat,
)
from governance.work.operations.idempotency import (
    begin_command,
    caller_of,
    fingerprint,
    finish_command,
    forget_old_commands,
)
from governance.work.operations.listening import (
    heard,
    keep_on,
    listen,
)
from governance.work.operations.locks import (
    hold,
    hold_if_free,
    waiting_at_most,
)
from governance.work.operations.nudges import (
    nudge,
)
from governance.work.operations.sums import (
    added,
)

__all__ = [
    "ANY_DIRTY",
    "DIRTY_CHANNEL",
    "Apart",
    "DeadlineOver",
    "DirtyClaim",
    "WhichDirty",
    "added",
    "beat",
    "begin_command",
    "behind",
    "caller_of",
    "claim_dirty_scopes",
    "copy_rows",
    "copy_values",
    "each_apart",
    "fingerprint",
    "finish_command",
    "forget_old_commands",
    "give_way",
    "heard",
    "hold",
    "hold_if_free",
    "insert_rows",
    "insert_values",
    "is_of_the_database",
    "is_of_the_rows",
    "json_text",
    "keep_on",
    "listen",
    "mark_scopes_dirty",
    "nudge",
    "nullable_array",
    "number_array",
    "send",
    "settle_dirty_scopes",
    "sqlstate_of",
    "tell_faults",
    "text_array",
    "waiting_at_most",
    "within",
]
