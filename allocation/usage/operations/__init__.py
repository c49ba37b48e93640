from allocation.usage.operations.imports import (
    fail_import,
    finish_import,
    note_progress,
    start_import,
)
from allocation.usage.operations.ingest import (
    mark_lineages_dirty,
    record_usage,
)
from allocation.usage.operations.partitions import (
    _known,
    drop_expired_partitions,
    ensure_partitions,
    existing_partitions,
    maintain_partitions,
)
from allocation.usage.operations.posting import (
    post_to_ledger,
)
from allocation.usage.operations.pricing_context import (
    closed_meanwhile,
    pricing_context_for,
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
from allocation.usage.operations.roll_ups import (
    add_charges,
    roll_up,
)
from allocation.usage.operations.tasks import (
    add_task_days,
    lock_tasks,
    write_tasks,
)

__all__ = [
    "BATCH_MAX",
    "BatchTooLarge",
    "IngestResult",
    "Rejection",
    "_known",
    "add_charges",
    "add_task_days",
    "closed_meanwhile",
    "drop_expired_partitions",
    "ensure_partitions",
    "existing_partitions",
    "fail_import",
    "finish_import",
    "lock_tasks",
    "maintain_partitions",
    "mark_lineages_dirty",
    "note_progress",
    "post_to_ledger",
    "pricing_context_for",
    "record_usage",
    "roll_up",
    "start_import",
    "with_retries",
    "write_tasks",
]
