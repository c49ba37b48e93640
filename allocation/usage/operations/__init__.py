"""Operations on usage, as other packages import them."""

from allocation.usage.operations.booking import (
    book,
)
from allocation.usage.operations.folding import (
    Folded,
    charge_waiting,
    fold_waiting,
    roll_up_waiting,
    settle,
)
from allocation.usage.operations.gathering import (
    Gathering,
)
from allocation.usage.operations.groups import (
    record_together,
)
from allocation.usage.operations.identities import (
    forget_identities,
)
from allocation.usage.operations.imports import (
    fail_import,
    finish_import,
    hold_file,
    note_progress,
    start_import,
)
from allocation.usage.operations.ingest import (
    Submission,
    held_ratio,
    record_submission,
    record_usage,
)
from allocation.usage.operations.journal import (
    FOLD_CHANNEL,
    FOLD_HEARTBEAT,
    behind_s,
    charges_are_due,
    is_followed,
    try_again,
)
from allocation.usage.operations.months import (
    sum_months,
)
from allocation.usage.operations.partitions import (
    drop_expired_partitions,
    ensure_partitions,
    existing_partitions,
    maintain_partitions,
    seen_months,
)
from allocation.usage.operations.pricing_context import (
    closed_meanwhile,
    pricing_context_for,
)
from allocation.usage.operations.refusals import (
    Holders,
    hold_replayed,
    holders_of,
    imports_of,
)
from allocation.usage.operations.results import (
    BATCH_MAX,
    BatchTooLarge,
    IngestResult,
    Rejection,
)
from allocation.usage.operations.retries import (
    with_retries,
)
from allocation.usage.operations.tasks import (
    add_task_days,
    lock_tasks,
    write_tasks,
)
from allocation.usage.operations.uncounted import (
    note_uncounted,
)

__all__ = [
    "BATCH_MAX",
    "FOLD_CHANNEL",
    "FOLD_HEARTBEAT",
    "BatchTooLarge",
    "Folded",
    "Gathering",
    "Holders",
    "IngestResult",
    "Rejection",
    "Submission",
    "add_task_days",
    "behind_s",
    "book",
    "charge_waiting",
    "charges_are_due",
    "closed_meanwhile",
    "drop_expired_partitions",
    "ensure_partitions",
    "existing_partitions",
    "fail_import",
    "finish_import",
    "fold_waiting",
    "forget_identities",
    "held_ratio",
    "hold_file",
    "hold_replayed",
    "holders_of",
    "imports_of",
    "is_followed",
    "lock_tasks",
    "maintain_partitions",
    "note_progress",
    "note_uncounted",
    "pricing_context_for",
    "record_submission",
    "record_together",
    "record_usage",
    "roll_up_waiting",
    "seen_months",
    "settle",
    "start_import",
    "sum_months",
    "try_again",
    "with_retries",
    "write_tasks",
]
