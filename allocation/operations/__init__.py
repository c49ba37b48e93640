from allocation.operations.ingest import BatchTooLarge, IngestResult, Rejection, record_usage
from allocation.operations.partitions import drop_expired_partitions, ensure_partitions, maintain_partitions

__all__ = [
    "BatchTooLarge",
    "IngestResult",
    "Rejection",
    "drop_expired_partitions",
    "ensure_partitions",
    "maintain_partitions",
    "record_usage",
]
