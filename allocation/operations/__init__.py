from allocation.operations.declared import (
    apply_attribution_rules,
    apply_price_book,
    plan_attribution_rules,
    plan_price_book,
)
from allocation.operations.ingest import BatchTooLarge, IngestResult, Rejection, record_usage
from allocation.operations.outcomes import record_outcomes
from allocation.operations.partitions import drop_expired_partitions, ensure_partitions, maintain_partitions
from allocation.operations.periods import PeriodClosed, PeriodNotOver, close_period, month_named
from allocation.operations.replay import ReplayResult, replay_early_outcomes, replay_quarantined
from allocation.operations.rerate import Rerating, rerate_usage

__all__ = [
    "BatchTooLarge",
    "IngestResult",
    "PeriodClosed",
    "PeriodNotOver",
    "Rejection",
    "ReplayResult",
    "Rerating",
    "apply_attribution_rules",
    "apply_price_book",
    "close_period",
    "drop_expired_partitions",
    "ensure_partitions",
    "maintain_partitions",
    "month_named",
    "plan_attribution_rules",
    "plan_price_book",
    "record_outcomes",
    "record_usage",
    "replay_early_outcomes",
    "replay_quarantined",
    "rerate_usage",
]
